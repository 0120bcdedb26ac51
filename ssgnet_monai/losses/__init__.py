from ssgnet_monai.losses.adversarial import (
    discriminator_fake_loss as discriminator_fake_loss,
)
from ssgnet_monai.losses.adversarial import (
    discriminator_real_loss as discriminator_real_loss,
)
from ssgnet_monai.losses.adversarial import generator_loss as generator_loss
from ssgnet_monai.losses.adversarial import r1_penalty as r1_penalty
from ssgnet_monai.losses.adversarial import suggested_r1_gamma as suggested_r1_gamma
from ssgnet_monai.losses.bce_dice import BCEDiceLoss as BCEDiceLoss
from ssgnet_monai.losses.ce_dice import CEDiceLoss as CEDiceLoss
from ssgnet_monai.losses.loss_choice import cotraining_loss as cotraining_loss
from ssgnet_monai.losses.loss_choice import segmentation_loss as segmentation_loss
from ssgnet_monai.losses.loss_names import class_loss as class_loss
from ssgnet_monai.losses.tvmf_dice import AdaptiveTvMFDiceLoss as AdaptiveTvMFDiceLoss
from ssgnet_monai.losses.tvmf_dice import TvMFDiceLoss as TvMFDiceLoss
from ssgnet_monai.losses.tvmf_dice import adapted_kappa as adapted_kappa
