"""The names that a config may use, each with the arguments it may be given. What is not here is not allowed."""
# ruff: noqa: E501

from __future__ import annotations

import functools

# `?` marks a place that is read, `!` one that is written, `=` an argument that takes the words of LITERALS alone; every
# other argument takes data, and what data is made of is judged where it stands. An argument is left out where a value
# of it could load code, run a command, open an address or name a place that the screen cannot follow.
TRANSFORM = "keys allow_missing_keys"
LOSS = "include_background to_onehot_y sigmoid softmax squared_pred jaccard reduction smooth_nr smooth_dr batch weight"
OPTIMIZER = "params lr weight_decay betas eps momentum dampening nesterov amsgrad fused foreach"
ENGINE = (
    "device network epoch_length non_blocking prepare_batch inferer postprocessing additional_metrics amp decollate"
)
METRIC = "include_background reduction output_transform save_details"
# One list for all networks: overlays swap one for another, and change arguments of either by id.
NETWORK = (
    "spatial_dims in_channels out_channels channels strides kernel_size up_kernel_size num_res_units act norm dropout "
    "bias adn_ordering features upsample init_filters dropout_prob num_groups use_conv_final blocks_down blocks_up "
    "upsample_mode init_features growth_rate block_config bn_size filters upsample_kernel_size norm_name act_name "
    "deep_supervision deep_supr_num res_block trans_bias patch_size depths num_heads window_size feature_size drop_rate "
    "attn_drop_rate dropout_path_rate use_checkpoint use_v2 img_size hidden_size mlp_dim proj_type num_classes "
    "input_channels num_channels depths_decoder drop_path_rate dims d_state architecture pretrained freeze small_images "
    "image_size z_dim c_dim w_dim img_resolution img_channels channel_base channel_max num_layers num_critical margin_size "
    "conv_clamp num_fp16_res mapping_layers magnitude_ema_beta mbstd_group_size conv_kernel use_radial_filters "
    "resnet_units width_factor decoder_channels skip_channels n_skip width encoder_name= encoder_weights= encoder_depth "
    "classes"
)

MONAI = f"""
data.CacheDataset: data transform cache_num cache_rate num_workers progress copy_cache as_contiguous runtime_cache
data.DataLoader: dataset num_workers batch_size shuffle sampler pin_memory drop_last persistent_workers prefetch_factor \
    collate_fn
data.Dataset: data transform
engines.SupervisedEvaluator: {ENGINE} val_data_loader key_val_metric val_handlers mode
engines.SupervisedTrainer: {ENGINE} max_epochs train_data_loader optimizer loss_function key_train_metric train_handlers
handlers.CheckpointLoader: load_path? load_dict map_location strict strict_shape
handlers.IgniteMetricHandler: metric_fn loss_fn output_transform save_details reduction
handlers.LrScheduleHandler: lr_scheduler print_lr epoch_level step_transform
handlers.MeanDice: {METRIC} num_classes
handlers.MeanIoUHandler: {METRIC}
handlers.HausdorffDistance: {METRIC} percentile directed distance_metric
handlers.SurfaceDistance: {METRIC} symmetric distance_metric
handlers.StatsHandler: iteration_log epoch_log output_transform tag_name
handlers.TensorBoardStatsHandler: summary_writer log_dir! iteration_log epoch_log output_transform tag_name
handlers.ValidationHandler: interval validator epoch_level exec_at_start
handlers.from_engine: keys first
inferers.SimpleInferer:
inferers.SlidingWindowInferer: roi_size sw_batch_size overlap mode sigma_scale padding_mode cval sw_device device progress
losses.DiceCELoss: {LOSS} lambda_dice lambda_ce label_smoothing
losses.DiceFocalLoss: {LOSS} gamma lambda_dice lambda_focal
losses.DiceLoss: {LOSS}
losses.FocalLoss: include_background to_onehot_y gamma alpha weight reduction use_softmax
losses.TverskyLoss: include_background to_onehot_y sigmoid softmax alpha beta reduction smooth_nr smooth_dr batch
metrics.DiceMetric: include_background reduction get_not_nans num_classes
networks.nets.AttentionUnet: {NETWORK}
networks.nets.BasicUNet: {NETWORK}
networks.nets.BasicUNetPlusPlus: {NETWORK}
networks.nets.DenseNet: {NETWORK}
networks.nets.DenseNet121: {NETWORK}
networks.nets.DynUNet: {NETWORK}
networks.nets.SegResNet: {NETWORK}
networks.nets.SwinUNETR: {NETWORK}
networks.nets.UNet: {NETWORK}
networks.nets.UNETR: {NETWORK}
networks.nets.VNet: {NETWORK}
optimizers.WarmupCosineSchedule: optimizer warmup_steps t_total end_lr cycles warmup_multiplier
transforms.Activationsd: {TRANSFORM} sigmoid softmax dim
transforms.AsDiscreted: {TRANSFORM} argmax to_onehot threshold rounding
transforms.CastToTyped: {TRANSFORM} dtype
transforms.Compose: transforms
transforms.ConcatItemsd: {TRANSFORM} name dim
transforms.CropForegroundd: {TRANSFORM} source_key select_fn channel_indices margin k_divisible mode
transforms.DeleteItemsd: keys
transforms.DivisiblePadd: {TRANSFORM} k mode
transforms.EnsureChannelFirstd: {TRANSFORM} channel_dim strict_check
transforms.EnsureTyped: {TRANSFORM} data_type dtype device wrap_sequence track_meta
transforms.Identityd: {TRANSFORM}
transforms.Invertd: {TRANSFORM} transform orig_keys meta_keys orig_meta_keys meta_key_postfix nearest_interp to_tensor device
transforms.KeepLargestConnectedComponentd: {TRANSFORM} applied_labels independent is_onehot connectivity
transforms.LoadImaged: {TRANSFORM} reader= dtype meta_keys image_only ensure_channel_first
transforms.NormalizeIntensityd: {TRANSFORM} subtrahend divisor nonzero channel_wise dtype
transforms.Orientationd: {TRANSFORM} axcodes as_closest_canonical
transforms.RandAffined: {TRANSFORM} spatial_size prob mode padding_mode rotate_range shear_range translate_range scale_range cache_grid
transforms.RandCropByPosNegLabeld: {TRANSFORM} label_key spatial_size pos neg num_samples image_key image_threshold
transforms.RandFlipd: {TRANSFORM} prob spatial_axis
transforms.RandGaussianNoised: {TRANSFORM} prob mean std
transforms.RandGaussianSmoothd: {TRANSFORM} prob sigma_x sigma_y sigma_z
transforms.RandRotate90d: {TRANSFORM} prob max_k spatial_axes
transforms.RandRotated: {TRANSFORM} prob range_x range_y range_z keep_size mode padding_mode
transforms.RandScaleIntensityd: {TRANSFORM} prob factors
transforms.RandShiftIntensityd: {TRANSFORM} prob offsets
transforms.RandSpatialCropd: {TRANSFORM} roi_size random_center random_size
transforms.RandZoomd: {TRANSFORM} prob min_zoom max_zoom mode padding_mode keep_size
transforms.Resized: {TRANSFORM} spatial_size size_mode mode align_corners anti_aliasing dtype
transforms.ResizeWithPadOrCropd: {TRANSFORM} spatial_size mode
transforms.SaveImaged: {TRANSFORM} meta_keys meta_key_postfix output_dir! output_postfix= output_ext= resample mode \
    padding_mode scale dtype output_dtype squeeze_end_dims separate_folder print_log writer=
transforms.ScaleIntensityd: {TRANSFORM} minv maxv factor channel_wise
transforms.ScaleIntensityRanged: {TRANSFORM} a_min a_max b_min b_max clip
transforms.SelectItemsd: {TRANSFORM}
transforms.Spacingd: {TRANSFORM} pixdim diagonal mode padding_mode align_corners dtype
transforms.SpatialPadd: {TRANSFORM} spatial_size method mode value
transforms.ToTensord: {TRANSFORM} dtype device track_meta
utils.set_determinism: seed
"""
OWN = f"""
data.GeneratorRecord: model_path? dataset_dir? class_name classes
data.LatentDataset: num_images z_dim seed class_cycle classes skip
data.RoundsLog: path! header
data.SampleStream: data transform seed pool mixture cache_bytes
data.SliceDataset: data slice_plane transform cache_num cache_rate num_workers progress copy_cache
data.StreamSampler: start
data.PairedStream: labeled pool transform seed
data.class_items: datalist split
data.class_sizes: training
data.count_classes: names datalist
data.datalist_sha256: path?
data.generated_classes: trained_on class_mix
data.generator_choice: generator_images num_labeled labeled_list? labeled_by seed
data.generator_items: datalist class_name generator_images num_labeled labeled_list? labeled_by seed conditional
data.split_labeled: items num_labeled labeled_list? labeled_by seed
data.inference_items: folder? slice_plane
data.Mixture: pool_fraction synthetic_fraction labeled_from
data.label_collate: labels num_classes
data.load_datalist: path?
data.picture_items: folder?
data.pool_items: datalist hidden synthetic pool dataset_dir?
data.pool_sha256: items
data.resolved_label_names: names datalist
data.slice_items: items plane spatial_dims
data.training_sha256: path?
data.without_labels: items
data.volume_items: folder?
data.with_true_masks: hidden training
engines.CheckpointEvaluation: evaluator network partners dataset label_names output_dir! model_path! test_loader \
    training_loader split seed examples config_sha256
engines.ClassifierEvaluation: evaluator session datalist output_dir! split reference? config_sha256
engines.CotrainingPlan: sup_weight fixed_weight dynamic_weight cutmix dynamic_source
engines.CotrainingTrainer: device max_epochs epoch_length train_data_loader network partner optimizer \
    partner_optimizer loss pseudo_loss inferer prepare_batch plan unsup_weight ramp_steps student_augmentation amp \
    train_handlers
engines.PaddedInferer: multiple spatial_dims
engines.Predictor: network inferer device views
engines.PseudoLabelRounds: training labeled pool log plan handlers screen
engines.RoundTraining: make_trainer session network dataset
engines.RoundsPlan: num_rounds seed start gate choose teachers steadiest_share synthetic_stability_floor labels mixture \
    min_delta patience
engines.StyleGAN3Trainer: device max_epochs epoch_length train_data_loader generator discriminator g_optimizer \
    d_optimizer r1_gamma r1_interval augment micro_batch classes train_handlers
engines.SynthesisEvaluation: real datalist image_size num_channels generator class_name output_dir! features_dir! device \
    batch_size seed config_sha256 inception? features dataset_dir?
engines.SyntheticScreen: quantiles real transform folder! device features
engines.PrepareLatents: truncation
engines.WindowInferer: roi_size overlap sw_batch_size window_inferer mode sigma_scale cpu_thresh progress
engines.StudentTeacherTraining: student teacher reconstructor loss prepare_batch plan unsup_weight ramp_steps
engines.SuperDiffusionPlan: rounds chain gamma ddim_steps
engines.SuperDiffusionTrainer: device max_epochs epoch_length train_data_loader method optimizer train_handlers
engines.TeacherPretraining: teacher reconstructor prepare_batch
engines.halving_schedule: optimizer steps
engines.check_class_names: classes model_path?
engines.chosen_recipe: recipes name
engines.class_names: model_path? default
engines.begin_rounds: output_dir! resume
engines.conclude_rounds: log model_path! choose
engines.init_process_group: backend
engines.encoder_param_groups: network lr encoder_lr
engines.load_pretrained: network path? encoder?
engines.load_weights: network path?
engines.destroy_process_group:
engines.partner_optimizer: optimizer network partner
engines.save_class_names: classes model_path!
engines.start_from: path? session
engines.train_control: training labeled plan pool name
engines.stylegan3_optimizers: generator discriminator g_lr d_lr r1_interval
engines.write_probabilities: evaluator folder? path! classes
handlers.AdaController: session augment target interval kimg batch_size
handlers.AdaptiveKappaHandler: session loss validator lambda_
handlers.AtomicCheckpoint: session interval keep
handlers.BestWeights: session network choose partners
handlers.EarlierModel: session validator network path!
handlers.EarlyStop: session patience interval
handlers.FailureAdvice: memory
handlers.FinalWeights: session network generator
handlers.FiniteLoss: session names remedy
handlers.NetworkAverage: average network batch_size half_life_kimg ramp
handlers.PseudoLabelHandler: predict transform batch_size num_workers threshold confidence_floor voxel_spacing
handlers.StepLoss: name
handlers.StepSeed: session
handlers.PublishModel: session network masks choose partners
handlers.SynthesisMonitor: session generator batch_size output_dir! augment grid_interval grid_size
handlers.SyntheticImageWriter: folder
handlers.SyntheticImages: output_dir! trained_on truncation class_mix
handlers.TeacherCheck: teacher dataset path!
handlers.TrainingMonitor: session validator output_dir!
handlers.TrainingSession: objects state_dir! model_path! seed data_sha256 other_data trained_with resume
handlers.existing_seeds: folder
handlers.seed_everything: seed
losses.AdaptiveTvMFDiceLoss: num_classes softmax ignore_index
losses.BCEDiceLoss: bce_weight dice_weight smooth ignore_index
losses.CEDiceLoss: ce_weight dice_weight smooth ignore_index include_background
losses.TvMFDiceLoss: kappa softmax ignore_index
losses.class_loss: name
losses.cotraining_loss: alpha kind
losses.segmentation_loss: num_logits
losses.suggested_r1_gamma: image_size batch_size
metrics.ClassProbabilityMetric: metric
metrics.PooledConfusionMetric: num_classes metric
networks.DiffusionReconstructor: segmenter image_t_range mask_code
networks.DiffusionSegmenter: {NETWORK} mode schedule timesteps noises ddim_steps seed
networks.ImageClassifier: {NETWORK}
networks.ResVNet: {NETWORK}
networks.TransUNet: {NETWORK}
networks.VMUNet: {NETWORK}
networks.VNet: {NETWORK}
networks.pretrained_unet: {NETWORK} frozen_statistics
networks.stylegan3.Discriminator: {NETWORK}
networks.stylegan3.Generator: {NETWORK}
networks.synchronise_batch_norm: network
ops.shard_size: batch_size
ops.shard: rows
transforms.AdaptiveAugment: xflip rotate90 xint scale rotate aniso xfrac brightness contrast lumaflip hue saturation \
    grey_safe
transforms.BatchBlurNoise: blur_prob sigma noise_prob noise
transforms.BatchFlipRotate: flip_prob rotate_prob max_angle scale scale_prob
transforms.BatchFlipTurn: flip_axes turn_planes scale scale_prob
transforms.BatchIntensity: prob brightness contrast channels saturation hue gamma gamma_prob
transforms.BatchMixing: cutmix_prob share paste_prob margin largest
transforms.ClassPlacesd: keys num_classes
transforms.CleanMaskd: keys radius allow_missing_keys
transforms.DropSpatialShaped: {TRANSFORM}
transforms.EqualiseContrastd: {TRANSFORM}
transforms.BatchClassNumbersd: keys threshold
transforms.ClassNumbersd: keys threshold
transforms.ClassProbabilitiesd: keys
transforms.image_views: spatial_dims number mirror
transforms.LoadImageMaskd: intensity_window num_channels image_key label_key num_classes max_megapixels voxel_window \
    whole_volumes slice_plane label_names
transforms.LoadVolumed: num_classes voxel_window voxel_values voxel_spacing image_key label_key label_names
transforms.NormalizeForEncoderd: {TRANSFORM} encoder_name
transforms.NormalizeSlicesd: {TRANSFORM}
transforms.NormalizeVolumed: {TRANSFORM}
transforms.RandomPatchd: keys patch_size foreground_share
transforms.ResizeSlicesd: keys size mode
transforms.RestoreVolumed: keys voxel_spacing image_key
transforms.SaveMaskd: keys output_dir! num_classes image_key
transforms.ShiftedCropd: keys shift patch_size shifts_used shift_directions flip_axes turn_planes mirror
transforms.StrongAugmentation: geometry mixing intensity blur_noise
transforms.ViewerMaskd: keys image_key
transforms.WindowVolumed: {TRANSFORM}
transforms.with_shifted_crop: preprocessing crop
"""
OTHERS = f"""
copy.copy: x
copy.deepcopy: x
ignite.distributed.device:
ignite.distributed.get_rank:
ignite.distributed.get_world_size:
math.ceil: x
math.floor: x
math.log2: x
math.sqrt: x
numpy.array: object dtype
numpy.asarray: a dtype
numpy.ceil: x
numpy.clip: a a_min a_max
numpy.floor: x
numpy.round: a decimals
os.path.basename: p
os.path.join: a p q r
segmentation_models_pytorch.Unet: encoder_name= {NETWORK}
torch.argmax: input dim
torch.cat: tensors dim
torch.cuda.device_count:
torch.cuda.is_available:
torch.device: type index
torch.manual_seed: seed
torch.nn.BCEWithLogitsLoss: weight reduction pos_weight
torch.nn.CrossEntropyLoss: weight reduction ignore_index label_smoothing
torch.nn.L1Loss: size_average reduction
torch.nn.ModuleList: modules
torch.nn.MSELoss: size_average reduction
torch.nn.SyncBatchNorm.convert_sync_batchnorm: module
torch.nn.parallel.DistributedDataParallel: module device_ids find_unused_parameters
torch.optim.Adam: {OPTIMIZER}
torch.optim.AdamW: {OPTIMIZER}
torch.optim.SGD: {OPTIMIZER}
torch.optim.lr_scheduler.CosineAnnealingLR: optimizer T_max eta_min
torch.optim.lr_scheduler.ExponentialLR: optimizer gamma
torch.optim.lr_scheduler.MultiStepLR: optimizer milestones gamma
torch.optim.lr_scheduler.PolynomialLR: optimizer total_iters power
torch.optim.lr_scheduler.ReduceLROnPlateau: optimizer mode factor patience threshold cooldown min_lr eps
torch.optim.lr_scheduler.StepLR: optimizer step_size gamma
torch.sigmoid: input
torch.softmax: input dim
torch.stack: tensors dim
torch.tensor: data dtype device
"""
# Names that may be handed on without being called: no function, which others would call with what they choose.
VALUES = frozenset(
    [f"torch.{name}" for name in ["bfloat16", "bool", "float16", "float32", "float64", "int64", "long", "uint8"]]
    + [
        f"{np}.{n}"
        for np in ("np", "numpy")
        for n in ["float16", "float32", "float64", "inf", "int32", "int64", "pi", "uint8"]
    ]
)
LITERALS = {
    "reader": frozenset(("ITKReader", "NibabelReader", "NrrdReader", "PILReader", "PydicomReader")),
    "writer": frozenset(("ITKWriter", "NibabelWriter", "PILWriter")),
    "output_ext": frozenset((".png", ".nii", ".nii.gz")),
    "encoder_name": frozenset(
        ("efficientnet-b0", "efficientnet-b2", "efficientnet-b4", "mobilenet_v2", "resnet18", "resnet34", "resnet50")
    )
    | frozenset(
        f"tu-{name}"
        for name in (
            "convnext_tiny",
            "efficientnet_b0",
            "efficientnet_b3",
            "mobilenetv3_large_100",
            "resnet18",
            "resnet34",
            "resnet50",
            "tf_efficientnet_lite0",
            "tf_efficientnet_lite4",
        )
    ),
    "encoder_weights": frozenset(("imagenet",)),
    "output_postfix": frozenset(("", "mask", "pred", "seg", "trans", "prob")),
}
# May wait with its arguments until it is called (`_mode_: callable`): it takes neither a name nor a place.
LATER = frozenset(("SupervisedTrainer", "monai.engines.SupervisedTrainer"))
# What `$import` may name. MONAI itself provides monai, torch, np and numpy.
IMPORTS = frozenset(("copy", "ignite", "ignite.distributed", "math", "monai", "numpy", "os", "ssgnet_monai", "torch"))
ROOTS = frozenset(name.partition(".")[0] for name in IMPORTS) | {"np"}

Arguments = dict[str, str]
"""Argument, in its order -> "" (data), "?" (a place that is read), "!" (that is written) or "=" (LITERALS)."""


@functools.cache
def allowed_names() -> dict[str, Arguments]:
    """Every allowed name -> the arguments it may be given; MONAI's names stand with and without their package."""
    found: dict[str, Arguments] = {}
    for package, table in (("monai.", MONAI), ("ssgnet_monai.", OWN), ("", OTHERS)):
        for line in table.strip().replace("\\\n", "").splitlines():
            name, _, arguments = line.partition(":")
            kinds = {word.rstrip("?!="): word[-1] if word[-1] in "?!=" else "" for word in arguments.split()}
            found[package + name] = kinds
            if package == "monai.":
                found[name.rpartition(".")[2]] = kinds
            if name.startswith("numpy."):
                found[name.replace("numpy", "np")] = kinds
    return found


def refuse_name(name: str) -> str | None:
    """Say why a config must not use a name as a class or function, or None if it may."""
    return None if name in allowed_names() else f"{name} is not on the list of names"
