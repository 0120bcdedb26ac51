import pytest
from monai.bundle import ConfigExpression, ReferenceResolver

from ssgnet_monai.bundle_tools import expression_screen
from ssgnet_monai.bundle_tools.expression_screen import refuse_expression

ALLOWED = [
    "@labels[0]",
    "@train#trainer.run()",
    "-(-@steps // @epoch_length)",
    "torch.device('cuda' if torch.cuda.is_available() else 'cpu')",
    "torch.device(@device).type == 'cuda'",
    "[{'image': i['image'], 'class': i.get('class', 'all')} for i in @items]",
    "{k: v for k, v in zip(@a, @b) if v > 0.5 ** 2}",
    "ssgnet_monai.data.picture_items(@dataset_dir)",
    "monai.transforms.Activationsd('pred', sigmoid=True)",
    "dict(a=1)",
    "copy.deepcopy(@network).requires_grad_(False).eval()",
    "lambda x: x['pred']",
    'f"{@name}_{@seed:03d}"',
    "import ssgnet_monai",
    "np.uint8",
]
REFUSED = {
    "().__class__.__bases__[0].__subclasses__()": "the attribute __subclasses__ is not on the list",
    "(lambda: 0).__globals__['os']": "the attribute __globals__",
    "f'{().__class__}'": "the attribute __class__",
    "'{0.__class__}'.format(1)": "the attribute format",
    "getattr(torch, 'os')": "calling getattr",
    "[exec for x in [1]][0]('x')": "only functions and methods that are named",
    "{'f': exec}": "exec: the name is not known",
    "[(lambda exec: 1), exec]": "hides another meaning",
    "[x for torch in [1]]": "torch as the name of a variable",
    "torch": "a whole package may not be passed on",
    "[torch.float32, monai]": "monai: a whole package",
    "[torch.nn.Module]": "not on the list of names",
    "torch.os.system('id')": "not on the list of names",
    "torch.hub.load('a', 'b')": "not on the list of names",
    "np.load('x', allow_pickle=True)": "not on the list of names",
    "np.array(1, allow_pickle=True)": "the argument allow_pickle",
    "os.system('id')": "not on the list of names",
    "os.path.os.system('id')": "not on the list of names",
    "pathlib.Path('x').write_text('y')": "the attribute write_text is not on the list",
    "@network.cpu().numpy().tofile('x')": "the attribute tofile is not on the list",
    "monai.bundle.run('run', config_file='x.yaml')": "not on the list of names",
    "monai.transforms.LoadImage('subprocess.run')": "not on the list of names",
    "monai.transforms.LoadImaged('image', 'subprocess.run')": "takes 1 arguments by position at most",
    "torch.tensor": "may be called, not handed on",
    "monai.data.utils.pickle.loads(b'')": "not on the list of names",
    "ssgnet_monai.data.os.system('id')": "not on the list of names",
    "(x := 1)": "NamedExpr is not allowed",
    "import os, subprocess": "only `$import PACKAGE`",
    "import torch as os": "only `$import PACKAGE`",
    "from os import system": "only `$import PACKAGE`",
    "import subprocess": "importing subprocess is not allowed",
    "import torch; exec('x')": "it holds 2 statements",
    "del x": "Delete is no expression",
    "@": "a reference to an import",
    "(@a) @ (@b)": "it does not parse",
    "'@a' + exec('x') + '": "it does not parse",
    "1 +": "it does not parse",
    "": "it holds 0 statements",
    "(" * 500: "it does not parse",
    "ｅｘｅｃ('x')": "calling exec",
}


@pytest.mark.parametrize("text", ALLOWED)
def test_what_configs_compute_passes(text):
    assert refuse_expression(text) is None


@pytest.mark.parametrize("text", REFUSED)
def test_what_runs_code_does_not(text):
    assert REFUSED[text] in str(refuse_expression(text))


@pytest.mark.parametrize("text", ["@a#b + '@a'", "@ab + @a::0 # @c", "x @ y"])
def test_the_text_that_is_judged_is_the_text_that_monai_evaluates(text):
    references = dict.fromkeys(ReferenceResolver.match_refs_pattern(f"${text}"))
    evaluated = ReferenceResolver.update_refs_pattern(f"${text}", references)
    assert evaluated[len(ConfigExpression.prefix) :] == expression_screen._as_evaluated(text)
