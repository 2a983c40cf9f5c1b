"""What each role must be able to do, and what it must not: requests as AWS's services would put them.

tests/infra/test_roles.py reads them one by one; security/roles.py asks them all of every mutated template.
"""

from __future__ import annotations

from typing import Any

from infra.resolving import ACCOUNT, REGION, ResolvedStack
from pipeline.targets.aws.iam_evaluator import Request, as_list

BUCKET = f"arn:aws:s3:::fashion-mnist-{ACCOUNT}-{REGION}"
OBJECTS = f"{BUCKET}/fashion-mnist"
EXECUTION = f"{OBJECTS}/executions/8f3a2c9d41e7"
BATCH = f"{OBJECTS}/batch"
CAPTURED = f"{OBJECTS}/captured/model-version-3"
TUNED = f"{OBJECTS}/executions/tuned/models"
SAGEMAKER = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
GROUP = f"{SAGEMAKER}:model-package-group/fashion-mnist"
PACKAGE = f"{SAGEMAKER}:model-package/fashion-mnist/3"
TUNING_JOB = f"{SAGEMAKER}:hyper-parameter-tuning-job/8f3a2c9d41e7-Tune-cn-abcdefghij"
TRAINING_JOB = f"{SAGEMAKER}:training-job/pipelines-8f3a2c9d41e7-Train-cnn-3x3-0-abc"
TRANSFORM_JOB = f"{SAGEMAKER}:transform-job/pipelines-8f3a2c9d41e7-Score-abc"
PROCESSING_JOB = f"{SAGEMAKER}:processing-job/pipelines-8f3a2c9d41e7-Evaluate-abc"
PIPELINE = f"{SAGEMAKER}:pipeline/fashion-mnist"
MONITOR = f"{PIPELINE}-monitor"
CAPTURED_FILE = f"{CAPTURED}/fashion-mnist/AllTraffic/2026/11/30/02/a.jsonl"
MLFLOW = f"{SAGEMAKER}:mlflow-app/app-0"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/Key"
TRANSFORM_LOGS = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/sagemaker/TransformJobs"
LOGS = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/sagemaker/TrainingJobs"
ROLE = f"arn:aws:iam::{ACCOUNT}:role"
REGISTRY = f"arn:aws:ecr:{REGION}:763104351884:repository"
VPC = {"ec2:Vpc": f"arn:aws:ec2:{REGION}:{ACCOUNT}:vpc/vpc"}
EC2 = f"arn:aws:ec2:{REGION}:{ACCOUNT}"

TO_SAGEMAKER = {"iam:PassedToService": "sagemaker.amazonaws.com"}
VIA_S3 = {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}
FOR_AWS = {"kms:GrantIsForAWSResource": "true"}
PENDING = {"sagemaker:ModelApprovalStatus": "PendingManualApproval"}
APPROVED = {"sagemaker:ModelApprovalStatus": "Approved"}
METRICS = {"cloudwatch:namespace": "/aws/sagemaker/TrainingJobs"}

VIA_SAGEMAKER = {"kms:ViaService": f"sagemaker.{REGION}.amazonaws.com"}
OURS = {"aws:ResourceTag/Project": "fashion-mnist"}
THEIRS = {"aws:ResourceTag/Project": "fashion-mnist-prod"}
ALARM = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm"
TARGET = f"arn:aws:application-autoscaling:{REGION}:{ACCOUNT}:scalable-target/0a1b2c3d4e5f"
VARIANT = {
    "application-autoscaling:service-namespace": "sagemaker",
    "application-autoscaling:scalable-dimension": "sagemaker:variant:DesiredInstanceCount",
}
NEW_IS_OURS = {"aws:RequestTag/Project": "fashion-mnist"}
SCALED_BY_US = {**VARIANT, **NEW_IS_OURS}
OF_A_TABLE = {
    "application-autoscaling:service-namespace": "dynamodb",
    "application-autoscaling:scalable-dimension": "dynamodb:table:ReadCapacityUnits",
}
SCALING = "sagemaker.application-autoscaling.amazonaws.com"
SCALING_ROLE = f"{ROLE}/aws-service-role/{SCALING}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
VIA_SNS = {"kms:ViaService": f"sns.{REGION}.amazonaws.com"}


def alarm_of_scaling(endpoint: str) -> str:
    """As Application Auto Scaling calls one of its alarms."""
    return f"{ALARM}:TargetTracking-endpoint/{endpoint}/variant/AllTraffic-AlarmHigh-0a1b2c3d"


ROLES = (
    "PipelineRole",
    "JobRole",
    "EvaluationRole",
    "EndpointRole",
    "DeployerRole",
    "DeployFunctionRole",
    "TriggerRole",
    "MlflowRole",
)

ENDPOINT_LOGS = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/sagemaker/Endpoints/fashion-mnist"
FUNCTION_LOGS = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/fashion-mnist-deploy"

# Putting a model behind an endpoint.
_SERVE = [
    Request("sagemaker:CreateModel", f"{SAGEMAKER}:model/fashion-mnist-approved-3"),
    Request("sagemaker:CreateEndpointConfig", f"{SAGEMAKER}:endpoint-config/fashion-mnist-approved-3"),
    Request("sagemaker:CreateEndpointConfig", f"{SAGEMAKER}:model/fashion-mnist-approved-3"),
    Request("sagemaker:CreateEndpoint", f"{SAGEMAKER}:endpoint/fashion-mnist"),
    Request("sagemaker:CreateEndpoint", f"{SAGEMAKER}:endpoint-config/fashion-mnist-approved-3"),
    Request("sagemaker:CreateEndpoint", f"{SAGEMAKER}:endpoint/fashion-mnist-trial"),
    Request("sagemaker:UpdateEndpoint", f"{SAGEMAKER}:endpoint/fashion-mnist", OURS),
    Request("sagemaker:UpdateEndpoint", f"{SAGEMAKER}:endpoint-config/fashion-mnist-approved-3", OURS),
    Request("sagemaker:DescribeEndpoint", f"{SAGEMAKER}:endpoint/fashion-mnist"),
    Request("sagemaker:DeleteEndpoint", f"{SAGEMAKER}:endpoint/fashion-mnist", OURS),
    Request("sagemaker:DeleteModel", f"{SAGEMAKER}:model/fashion-mnist-approved-3", OURS),
    Request("cloudwatch:DescribeAlarms", f"{ALARM}:fashion-mnist-endpoint-5xx"),
    Request("sagemaker:AddTags", f"{SAGEMAKER}:endpoint/fashion-mnist"),
    Request("sagemaker:ListModelPackages", GROUP),
    Request("sagemaker:DescribeModelPackage", PACKAGE),
    Request("iam:PassRole", f"{ROLE}/EndpointRole", TO_SAGEMAKER),
    Request("application-autoscaling:DescribeScalableTargets", "*"),
    Request("application-autoscaling:DescribeScalingPolicies", "*"),
    Request("application-autoscaling:RegisterScalableTarget", TARGET, SCALED_BY_US),
    Request("application-autoscaling:TagResource", TARGET, NEW_IS_OURS),
    Request("application-autoscaling:PutScalingPolicy", TARGET, {**VARIANT, **OURS}),
    Request("application-autoscaling:DeregisterScalableTarget", TARGET, {**VARIANT, **OURS}),
    Request("sagemaker:UpdateEndpointWeightsAndCapacities", f"{SAGEMAKER}:endpoint/fashion-mnist", OURS),
    Request(
        "cloudwatch:PutMetricAlarm",
        alarm_of_scaling("fashion-mnist"),
    ),
    Request(
        "cloudwatch:DeleteAlarms",
        alarm_of_scaling("fashion-mnist-trial"),
    ),
    Request("iam:CreateServiceLinkedRole", SCALING_ROLE, {"iam:AWSServiceName": SCALING}),
]
# Endpoints of others, whatever their names.
_NOT_THEIRS = [
    Request("sagemaker:CreateEndpoint", f"{SAGEMAKER}:endpoint/fashion-mnistic"),
    Request("sagemaker:UpdateEndpoint", f"{SAGEMAKER}:endpoint/fashion-mnist"),
    Request("sagemaker:UpdateEndpoint", f"{SAGEMAKER}:endpoint/fashion-mnist", THEIRS),
    Request("sagemaker:DeleteEndpoint", f"{SAGEMAKER}:endpoint/fashion-mnist"),
    Request("sagemaker:DeleteEndpoint", f"{SAGEMAKER}:endpoint/fashion-mnist-prod", THEIRS),
    Request("sagemaker:DeleteModel", f"{SAGEMAKER}:model/fashion-mnist-prod-1", THEIRS),
    Request("logs:PutLogEvents", f"{ENDPOINT_LOGS}ic:log-stream:x"),
    Request("application-autoscaling:RegisterScalableTarget", TARGET, VARIANT),
    Request("application-autoscaling:RegisterScalableTarget", TARGET, {**OF_A_TABLE, **NEW_IS_OURS}),
    Request("application-autoscaling:TagResource", TARGET),
    Request("application-autoscaling:TagResource", TARGET, {**NEW_IS_OURS, **THEIRS}),
    Request("application-autoscaling:PutScalingPolicy", TARGET, VARIANT),
    Request("application-autoscaling:PutScalingPolicy", TARGET, {**VARIANT, **THEIRS}),
    Request("application-autoscaling:PutScalingPolicy", TARGET, {**OF_A_TABLE, **OURS}),
    Request("application-autoscaling:PutScheduledAction", TARGET, {**VARIANT, **OURS}),
    Request("application-autoscaling:DeregisterScalableTarget", TARGET, {**VARIANT, **THEIRS}),
    Request("application-autoscaling:DeregisterScalableTarget", TARGET, {**OF_A_TABLE, **OURS}),
    Request(
        "sagemaker:UpdateEndpointWeightsAndCapacities", f"{SAGEMAKER}:endpoint/fashion-mnist-prod", THEIRS
    ),
    Request("cloudwatch:DeleteAlarms", f"{ALARM}:fashion-mnist-endpoint-5xx"),
    Request(
        "cloudwatch:DeleteAlarms",
        alarm_of_scaling("fashion-mnistic"),
    ),
    Request("cloudwatch:PutMetricAlarm", f"{ALARM}:TargetTracking-table/users-AlarmHigh-0a"),
    Request("iam:CreateServiceLinkedRole", SCALING_ROLE, {"iam:AWSServiceName": "ecs.amazonaws.com"}),
    Request(
        "iam:CreateServiceLinkedRole",
        f"{ROLE}/aws-service-role/x",
        {"iam:AWSServiceName": SCALING},
    ),
    Request("iam:CreateRole", SCALING_ROLE),
]
_NO_TRACKING = [Request("sagemaker:CallMlflowAppApi", MLFLOW)]
_NO_SERVING = [
    Request("application-autoscaling:RegisterScalableTarget", TARGET, SCALED_BY_US),
    Request("iam:CreateServiceLinkedRole", SCALING_ROLE, {"iam:AWSServiceName": SCALING}),
    Request("sagemaker:CreateModel", f"{SAGEMAKER}:model/fashion-mnist-approved-3"),
    Request("sagemaker:CreateEndpoint", f"{SAGEMAKER}:endpoint/fashion-mnist"),
    Request("sagemaker:UpdateEndpoint", f"{SAGEMAKER}:endpoint/fashion-mnist"),
    Request("sagemaker:InvokeEndpoint", f"{SAGEMAKER}:endpoint/fashion-mnist"),
    Request("iam:PassRole", f"{ROLE}/EndpointRole", TO_SAGEMAKER),
]

_CONTAINER = [
    Request("ecr:GetAuthorizationToken", "*"),
    Request("ecr:BatchGetImage", f"{REGISTRY}/tensorflow-training"),
    Request("ecr:GetDownloadUrlForLayer", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/fashion-mnist"),
    Request("logs:CreateLogGroup", LOGS),
    Request("logs:CreateLogStream", f"{LOGS}:log-stream:pipelines-1"),
    Request("logs:PutLogEvents", f"{LOGS}:log-stream:pipelines-1"),
    Request("logs:DescribeLogStreams", LOGS),
    Request("cloudwatch:PutMetricData", "*", METRICS),
    Request("kms:Decrypt", KEY, VIA_S3),
    Request("kms:GenerateDataKey", KEY, VIA_S3),
    Request("kms:CreateGrant", KEY, FOR_AWS),
    Request("s3:ListBucket", BUCKET, {"s3:prefix": "fashion-mnist/executions/8f3a2c9d41e7/models/"}),
    Request("s3:ListBucket", BUCKET),
    Request("kms:GenerateDataKey", KEY),
    Request("kms:CreateGrant", KEY, VIA_SAGEMAKER),
    Request("kms:DescribeKey", KEY),
    Request("s3:GetBucketLocation", BUCKET),
    Request("ec2:CreateNetworkInterface", f"{EC2}:subnet/subneta"),
    Request("ec2:DeleteNetworkInterface", f"{EC2}:network-interface/eni-1", VPC),
    Request("ec2:DescribeSubnets", "*"),
]

ALLOWED: dict[str, list[Request]] = {
    "PipelineRole": [
        Request("sagemaker:CreateTrainingJob", TRAINING_JOB),
        Request("sagemaker:DescribeTrainingJob", TRAINING_JOB),
        Request("sagemaker:StopTrainingJob", TRAINING_JOB),
        Request("sagemaker:CreateHyperParameterTuningJob", TUNING_JOB),
        Request("sagemaker:DescribeHyperParameterTuningJob", TUNING_JOB),
        Request("sagemaker:ListTrainingJobsForHyperParameterTuningJob", TUNING_JOB),
        Request("sagemaker:StopHyperParameterTuningJob", TUNING_JOB),
        Request("sagemaker:AddTags", TUNING_JOB),
        Request("sagemaker:CreateProcessingJob", PROCESSING_JOB),
        Request("sagemaker:AddTags", PROCESSING_JOB),
        *(
            Request(f"sagemaker:{action}", TRANSFORM_JOB)
            for action in ("CreateTransformJob", "DescribeTransformJob", "StopTransformJob", "AddTags")
        ),
        Request("iam:PassRole", f"{ROLE}/JobRole", TO_SAGEMAKER),
        Request("iam:PassRole", f"{ROLE}/EvaluationRole", TO_SAGEMAKER),
        Request("s3:GetObject", f"{EXECUTION}/evaluation/evaluation.json"),
        Request("s3:GetObject", f"{EXECUTION}/monitoring/drift.json"),
        Request("kms:Decrypt", KEY, VIA_S3),
        Request("kms:CreateGrant", KEY, FOR_AWS),
        Request("kms:CreateGrant", KEY, VIA_SAGEMAKER),
        Request("kms:DescribeKey", KEY),
        Request("sagemaker:CallMlflowAppApi", MLFLOW),
    ],
    "JobRole": [
        *_CONTAINER,
        Request("s3:GetObject", f"{OBJECTS}/code/training/code/0123456789abcdef/train.py"),
        Request("s3:GetObject", f"{OBJECTS}/raw/5cf0562c46b89a77/train-images-idx3-ubyte.gz"),
        Request("s3:PutObject", f"{EXECUTION}/processed/test/images.npy"),
        Request("s3:GetObject", f"{EXECUTION}/processed/train/images.npy"),
        Request("s3:GetObject", f"{EXECUTION}/processed/validation/labels.npy"),
        Request("s3:GetObject", f"{EXECUTION}/processed/manifest.json"),
        Request("s3:PutObject", f"{EXECUTION}/models/pipelines-1/output/model.tar.gz"),
        Request("s3:PutObject", f"{TUNED}/8f3a2c9d41e7-Tune-cn-abcdefghij-001-0a1b2c3d/output/model.tar.gz"),
        Request("s3:PutObject", f"{OBJECTS}/checkpoints/0123456789abcdef/cnn-3x3-0/checkpoint.npz"),
        Request("s3:GetObject", f"{OBJECTS}/checkpoints/0123456789abcdef/cnn-3x3-0/checkpoint.npz"),
    ],
    "EvaluationRole": [
        *_CONTAINER,
        Request("s3:GetObject", f"{OBJECTS}/code/processing/0123456789abcdef/evaluate.py"),
        Request("s3:GetObject", f"{EXECUTION}/processed/test/images.npy"),
        Request("s3:GetObject", f"{EXECUTION}/models/pipelines-1/output/model.tar.gz"),
        Request("s3:GetObject", f"{TUNED}/8f3a2c9d41e7-Tune-cn-abcdefghij-001-0a1b2c3d/output/model.tar.gz"),
        Request("s3:PutObject", f"{EXECUTION}/evaluation/evaluation.json"),
        Request("s3:GetObject", CAPTURED_FILE),
        Request("s3:GetObject", f"{EXECUTION}/evaluation/baseline.json"),
        Request("s3:PutObject", f"{EXECUTION}/monitoring/drift.json"),
        Request("sagemaker:DescribeModelPackageGroup", GROUP),
        Request("sagemaker:ListModelPackages", GROUP),
        Request("sagemaker:CreateModelPackage", GROUP, PENDING),
        Request("sagemaker:CreateModelPackage", PACKAGE, PENDING),
        Request("sagemaker:CreateModelPackage", PACKAGE),
        Request("sagemaker:DescribeModelPackage", PACKAGE),
    ],
    "EndpointRole": [
        Request("cloudwatch:DescribeAlarms", f"{ALARM}:fashion-mnist-endpoint-latency"),
        Request("s3:GetObject", f"{EXECUTION}/models/pipelines-1/output/model.tar.gz"),
        Request("s3:GetObject", f"{TUNED}/8f3a2c9d41e7-Tune-cn-abcdefghij-001-0a1b2c3d/output/model.tar.gz"),
        Request("kms:Decrypt", KEY, VIA_S3),
        Request("s3:PutObject", f"{CAPTURED}/fashion-mnist/AllTraffic/2026/11/30/02/a.jsonl"),
        Request("s3:GetObject", f"{BATCH}/requests/0123/00000.jsonl"),
        Request("s3:ListBucket", BUCKET, {"s3:prefix": "fashion-mnist/batch/requests/0123/"}),
        Request("s3:PutObject", f"{BATCH}/answers/8f3a2c9d41e7/00000.jsonl.out"),
        Request("logs:PutLogEvents", f"{TRANSFORM_LOGS}:log-stream:pipelines-1"),
        Request("kms:GenerateDataKey", KEY, VIA_S3),
        Request("ecr:GetAuthorizationToken", "*"),
        Request("ecr:BatchGetImage", f"{REGISTRY}/tensorflow-inference"),
        Request("logs:CreateLogGroup", ENDPOINT_LOGS),
        Request("logs:PutLogEvents", f"{ENDPOINT_LOGS}:log-stream:AllTraffic/i-1"),
        Request("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "/aws/sagemaker/Endpoints"}),
    ],
    "DeployFunctionRole": [
        *_SERVE,
        Request("logs:PutLogEvents", f"{FUNCTION_LOGS}:log-stream:2026"),
        Request("sns:Publish", f"arn:aws:sns:{REGION}:{ACCOUNT}:fashion-mnist-notifications"),
        Request("kms:GenerateDataKey", KEY, VIA_SNS),
    ],
    "DeployerRole": [
        *_SERVE,
        Request("iam:SimulatePrincipalPolicy", f"{ROLE}/JobRole"),
        Request("iam:GetPolicyVersion", f"arn:aws:iam::{ACCOUNT}:policy/ContainerPolicy"),
        Request("sagemaker:DescribeModelPackageGroup", GROUP),
        Request("s3:ListBucket", BUCKET),
        Request("s3:GetBucketLocation", BUCKET),
        Request("sagemaker:InvokeEndpoint", f"{SAGEMAKER}:endpoint/fashion-mnist"),
        Request("sagemaker:CallMlflowAppApi", MLFLOW),
        Request("s3:PutObject", f"{OBJECTS}/mlflow/1/0a1b/artifacts/report.html"),
        Request("logs:FilterLogEvents", ENDPOINT_LOGS),
        Request("sagemaker:CreatePipeline", PIPELINE),
        Request("sagemaker:UpdatePipeline", PIPELINE),
        Request("sagemaker:ListPipelineVersions", PIPELINE),
        Request("sagemaker:UpdatePipelineVersion", PIPELINE),
        Request("sagemaker:StartPipelineExecution", PIPELINE),
        Request("sagemaker:CreatePipeline", f"{PIPELINE}-batch"),
        Request("sagemaker:StartPipelineExecution", f"{PIPELINE}-batch"),
        Request("sagemaker:DescribePipelineExecution", f"{PIPELINE}-batch/execution/8f3a2c9d41e7"),
        Request("s3:PutObject", f"{BATCH}/requests/0123/00000.jsonl"),
        Request("s3:GetObject", f"{BATCH}/answers/8f3a2c9d41e7/00000.jsonl.out"),
        Request("sagemaker:CreatePipeline", MONITOR),
        Request("sagemaker:StartPipelineExecution", MONITOR),
        Request("sagemaker:DescribePipelineExecution", f"{MONITOR}/execution/8f3a2c9d41e7"),
        Request("s3:GetObject", CAPTURED_FILE),
        Request("sagemaker:StopPipelineExecution", f"{PIPELINE}/execution/8f3a2c9d41e7"),
        Request("sagemaker:ListPipelineExecutionSteps", f"{PIPELINE}/execution/8f3a2c9d41e7"),
        Request("sagemaker:DescribeTrainingJob", TRAINING_JOB),
        Request("sagemaker:ListModelPackages", GROUP),
        Request("sagemaker:DescribeModelPackage", PACKAGE),
        Request("iam:PassRole", f"{ROLE}/PipelineRole", TO_SAGEMAKER),
        Request("iam:GetRole", f"{ROLE}/JobRole"),
        Request("s3:PutObject", f"{OBJECTS}/code/training/code/0123456789abcdef/train.py"),
        Request("s3:PutObject", f"{OBJECTS}/raw/5cf0562c46b89a77/train-images-idx3-ubyte.gz"),
        Request("s3:PutObject", f"{EXECUTION}/evaluation/report.html"),
        Request("s3:GetObject", f"{EXECUTION}/evaluation/evaluation.json"),
        Request("kms:GenerateDataKey", KEY, VIA_S3),
        Request("logs:GetLogEvents", f"{LOGS}:log-stream:pipelines-1"),
        Request(
            "cloudformation:DescribeStacks",
            f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/fashion-mnist/1",
        ),
        Request("servicequotas:GetServiceQuota", "*"),
        Request("servicequotas:ListServiceQuotas", "*"),
        Request("pricing:GetProducts", "*"),
        Request("iam:ListAccountAliases", "*"),
        Request("sagemaker:ListDomains", "*"),
        Request("sagemaker:ListEndpointConfigs", "*"),
        Request("sagemaker:ListModels", "*"),
        Request("ecr:BatchGetImage", f"{REGISTRY}/tensorflow-training"),
        Request("ecr:PutImage", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/fashion-mnist"),
    ],
    "TriggerRole": [
        Request("sagemaker:StartPipelineExecution", PIPELINE),
        Request("sagemaker:StartPipelineExecution", MONITOR),
    ],
    "MlflowRole": [
        Request("s3:GetObject", f"{OBJECTS}/mlflow/1/0a1b/artifacts/report.html"),
        Request("s3:PutObject", f"{OBJECTS}/mlflow/1/0a1b/artifacts/report.html"),
        Request("s3:GetBucketLocation", BUCKET),
        Request("s3:ListBucket", BUCKET, {"s3:prefix": "fashion-mnist/mlflow/1/"}),
        Request("kms:GenerateDataKey", KEY, VIA_S3),
    ],
}

# Refused to every role, whatever it is for.
_NEVER = [
    Request("sagemaker:CallMlflowAppApi", f"{SAGEMAKER}:mlflow-app/app-of-others"),
    Request("sagemaker:DeleteMlflowApp", MLFLOW),
    Request("logs:PutLogEvents", f"{LOGS}OfOthers:log-stream:x"),
    Request("sagemaker:UpdateModelPackage", PACKAGE),
    Request("sagemaker:UpdateModelPackage", PACKAGE, APPROVED),
    Request("sagemaker:CreateModelPackage", PACKAGE, APPROVED),
    Request("sagemaker:CreateModelPackage", f"{SAGEMAKER}:model-package/other/1", PENDING),
    Request("sagemaker:CreateModelPackage", f"{SAGEMAKER}:model-package-group/other", PENDING),
    Request("sagemaker:DeleteModelPackage", PACKAGE),
    Request("sagemaker:DeletePipeline", PIPELINE),
    Request("sagemaker:CreateEndpoint", f"{SAGEMAKER}:endpoint/somebody-elses"),
    Request("sagemaker:DeleteEndpoint", f"{SAGEMAKER}:endpoint/somebody-elses"),
    Request("sagemaker:CreateModel", f"{SAGEMAKER}:model/somebody-elses"),
    Request("sagemaker:CreateExperiment", f"{SAGEMAKER}:experiment/fashion-mnist"),
    Request("sagemaker:CreateTrial", f"{SAGEMAKER}:experiment-trial/8f3a2c9d41e7"),
    Request("sagemaker:UpdateTrialComponent", f"{SAGEMAKER}:experiment-trial-component/x"),
    Request("iam:PassRole", f"{ROLE}/EndpointRole", {"iam:PassedToService": "lambda.amazonaws.com"}),
    Request("lambda:UpdateFunctionCode", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:fashion-mnist-deploy"),
    Request("sagemaker:CreateNotebookInstance", f"{SAGEMAKER}:notebook-instance/mine"),
    Request("iam:PassRole", f"{ROLE}/Administrator", TO_SAGEMAKER),
    Request("iam:PassRole", f"{ROLE}/PipelineRole", {"iam:PassedToService": "ec2.amazonaws.com"}),
    Request("iam:PassRole", f"{ROLE}/JobRole", {"iam:PassedToService": "ec2.amazonaws.com"}),
    Request("iam:PassRole", f"{ROLE}/JobRole"),
    Request("iam:CreateRole", f"{ROLE}/Administrator"),
    Request("iam:PutRolePolicy", f"{ROLE}/JobRole"),
    Request("iam:AttachRolePolicy", f"{ROLE}/JobRole"),
    Request("sts:AssumeRole", f"{ROLE}/Administrator"),
    Request("s3:DeleteObject", f"{EXECUTION}/models/pipelines-1/output/model.tar.gz"),
    Request("s3:DeleteObjectVersion", f"{EXECUTION}/models/pipelines-1/output/model.tar.gz"),
    Request("s3:PutBucketPolicy", BUCKET),
    Request("s3:GetObject", "arn:aws:s3:::another-bucket/key"),
    Request("s3:PutObject", "arn:aws:s3:::another-bucket/key"),
    Request("s3:PutObject", f"{BUCKET}/elsewhere/key"),
    Request("kms:Decrypt", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/Another", VIA_S3),
    Request("kms:CreateGrant", KEY),
    Request("kms:ScheduleKeyDeletion", KEY),
    Request("kms:PutKeyPolicy", KEY),
    Request("logs:DeleteLogGroup", LOGS),
    Request("logs:PutLogEvents", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/other:log-stream:x"),
    Request("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "Billing"}),
    Request("cloudformation:DeleteStack", f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/fashion-mnist/1"),
    Request("ecr:BatchGetImage", f"arn:aws:ecr:{REGION}:444455556666:repository/other"),
    Request("ec2:RunInstances", f"{EC2}:instance/*"),
    Request("ec2:CreateNetworkInterface", f"{EC2}:subnet/another"),
    Request(
        "ec2:DeleteNetworkInterface", f"{EC2}:network-interface/eni-1", {"ec2:Vpc": f"{EC2}:vpc/another"}
    ),
    Request("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:x"),
]

# Jobs may, as AWS's sample policies let SageMaker: what the key encrypts lies in S3.
_NO_KEY_BY_ITSELF = [Request("kms:Decrypt", KEY), Request("kms:GenerateDataKey", KEY)]

_NO_REGISTERING = [
    Request("sagemaker:CreateModelPackage", PACKAGE, PENDING),
    Request("sagemaker:CreateModelPackage", GROUP, PENDING),
]
_NO_JOBS = [
    Request("sagemaker:CreateHyperParameterTuningJob", TUNING_JOB),
    Request("sagemaker:CreateTrainingJob", TRAINING_JOB),
    Request("sagemaker:CreateProcessingJob", PROCESSING_JOB),
    Request("sagemaker:CreateTransformJob", TRANSFORM_JOB),
]

REFUSED: dict[str, list[Request]] = {
    "PipelineRole": [
        *_NEVER,
        *_NO_KEY_BY_ITSELF,
        *_NO_SERVING,
        *_NO_REGISTERING,
        Request("sagemaker:CreateTrainingJob", f"{SAGEMAKER}:training-job/somebody-elses"),
        Request("sagemaker:CreateTransformJob", f"{SAGEMAKER}:transform-job/somebody-elses"),
        Request(
            "sagemaker:CreateHyperParameterTuningJob",
            f"{SAGEMAKER}:hyper-parameter-tuning-job/somebody-elses",
        ),
        Request(
            "sagemaker:StopHyperParameterTuningJob", f"{SAGEMAKER}:hyper-parameter-tuning-job/short-Tune-x"
        ),
        Request("iam:PassRole", f"{ROLE}/PipelineRole", TO_SAGEMAKER),
        Request("s3:GetObject", f"{EXECUTION}/models/pipelines-1/output/model.tar.gz"),
        Request("s3:GetObject", CAPTURED_FILE),
        Request("s3:PutObject", f"{EXECUTION}/evaluation/evaluation.json"),
        Request("s3:PutObject", f"{EXECUTION}/monitoring/drift.json"),
    ],
    "JobRole": [
        *_NEVER,
        *_NO_TRACKING,
        *_NO_SERVING,
        *_NO_REGISTERING,
        *_NO_JOBS,
        Request("iam:PassRole", f"{ROLE}/JobRole", TO_SAGEMAKER),
        Request("s3:GetObject", f"{EXECUTION}/processed/test/images.npy"),
        Request("s3:GetObject", f"{EXECUTION}/evaluation/evaluation.json"),
        Request("s3:PutObject", f"{EXECUTION}/evaluation/evaluation.json"),
        Request("s3:PutObject", f"{OBJECTS}/code/training/code/0123456789abcdef/train.py"),
        Request("s3:PutObject", f"{OBJECTS}/raw/5cf0562c46b89a77/train-images-idx3-ubyte.gz"),
        Request("s3:PutObject", f"{EXECUTION}/evaluation/report.html"),
        Request("s3:GetObject", CAPTURED_FILE),
        Request("ecr:PutImage", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/fashion-mnist"),
    ],
    "EvaluationRole": [
        *_NEVER,
        *_NO_TRACKING,
        *_NO_SERVING,
        *_NO_JOBS,
        Request("iam:PassRole", f"{ROLE}/EvaluationRole", TO_SAGEMAKER),
        Request("s3:PutObject", f"{EXECUTION}/models/pipelines-1/output/model.tar.gz"),
        Request("s3:PutObject", f"{EXECUTION}/processed/test/images.npy"),
        Request("s3:PutObject", f"{OBJECTS}/code/processing/0123456789abcdef/evaluate.py"),
        Request("s3:PutObject", CAPTURED_FILE),
        Request("s3:DeleteObject", CAPTURED_FILE),
        Request("sagemaker:CreateModelPackageGroup", GROUP),
    ],
    "DeployerRole": [
        *_NEVER,
        *_NO_KEY_BY_ITSELF,
        *_NOT_THEIRS,
        *_NO_REGISTERING,
        *_NO_JOBS,
        Request("iam:PassRole", f"{ROLE}/JobRole", TO_SAGEMAKER),
        Request("sagemaker:StartPipelineExecution", f"{SAGEMAKER}:pipeline/somebody-elses"),
        Request("sagemaker:StartPipelineExecution", f"{PIPELINE}-batches"),
        Request("sagemaker:ListPipelineVersions", f"{SAGEMAKER}:pipeline/fashion-mnist-prod"),
        Request("sagemaker:UpdatePipelineVersion", f"{SAGEMAKER}:pipeline/fashion-mnist-prod"),
        Request("sagemaker:DeletePipeline", PIPELINE),
        Request("s3:PutObject", f"{BATCH}/answers/8f3a2c9d41e7/00000.jsonl.out"),
        Request("s3:PutObject", f"{EXECUTION}/models/pipelines-1/output/model.tar.gz"),
        Request("s3:PutObject", f"{EXECUTION}/evaluation/evaluation.json"),
    ],
    "EndpointRole": [
        *_NEVER,
        *_NO_TRACKING,
        *_NO_KEY_BY_ITSELF,
        *_NOT_THEIRS,
        *_NO_SERVING,
        *_NO_REGISTERING,
        *_NO_JOBS,
        Request("s3:GetObject", f"{EXECUTION}/processed/train/images.npy"),
        Request("s3:GetObject", f"{EXECUTION}/evaluation/evaluation.json"),
        Request("s3:GetObject", f"{OBJECTS}/checkpoints/0123456789abcdef/cnn-3x3-0/checkpoint.npz"),
        Request("s3:PutObject", f"{EXECUTION}/models/pipelines-1/output/model.tar.gz"),
        Request("s3:GetObject", f"{BATCH}/answers/8f3a2c9d41e7/00000.jsonl.out"),
        Request("s3:PutObject", f"{BATCH}/requests/0123/00000.jsonl"),
        Request("s3:GetObject", f"{CAPTURED}/fashion-mnist/AllTraffic/2026/11/30/02/a.jsonl"),
        Request("s3:DeleteObject", f"{CAPTURED}/fashion-mnist/AllTraffic/2026/11/30/02/a.jsonl"),
        Request("kms:GenerateDataKey", KEY),
        Request("ecr:BatchGetImage", f"{REGISTRY}/tensorflow-training"),
        Request("logs:PutLogEvents", f"{LOGS}:log-stream:pipelines-1"),
    ],
    "DeployFunctionRole": [
        *_NEVER,
        *_NO_TRACKING,
        *_NO_KEY_BY_ITSELF,
        *_NOT_THEIRS,
        *_NO_REGISTERING,
        *_NO_JOBS,
        Request("iam:PassRole", f"{ROLE}/JobRole", TO_SAGEMAKER),
        Request("sagemaker:StartPipelineExecution", PIPELINE),
        Request("s3:GetObject", f"{EXECUTION}/models/pipelines-1/output/model.tar.gz"),
        Request("kms:Decrypt", KEY, VIA_S3),
    ],
    "TriggerRole": [
        *_NEVER,
        *_NO_TRACKING,
        *_NO_KEY_BY_ITSELF,
        *_NO_SERVING,
        *_NO_REGISTERING,
        *_NO_JOBS,
        Request("sagemaker:StartPipelineExecution", f"{SAGEMAKER}:pipeline/somebody-elses"),
        Request("sagemaker:StartPipelineExecution", f"{SAGEMAKER}:pipeline/fashion-mnist-prod"),
        Request("sagemaker:UpdatePipeline", MONITOR),
        Request("sagemaker:UpdatePipeline", PIPELINE),
        Request("sagemaker:UpdatePipelineVersion", PIPELINE),
    ],
    "MlflowRole": [
        *_NEVER,
        *_NO_KEY_BY_ITSELF,
        *_NO_SERVING,
        *_NO_REGISTERING,
        *_NO_JOBS,
        Request("s3:GetObject", f"{EXECUTION}/models/pipelines-1/output/model.tar.gz"),
        Request("s3:ListBucket", BUCKET, {"s3:prefix": "fashion-mnist/executions/"}),
        *_NO_TRACKING,
    ],
}


def identity_statements(stack: ResolvedStack, role: str) -> list[dict[str, Any]]:
    """The statements of a role's own policies and of this stack's others that are attached to it."""
    properties = stack.properties(role)
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    others = {**stack.of_type("AWS::IAM::ManagedPolicy"), **stack.of_type("AWS::IAM::Policy")}
    for name, policy in others.items():
        attached = f"arn:aws:iam::{ACCOUNT}:policy/{name}" in as_list(properties.get("ManagedPolicyArns", []))
        if attached or role in policy.get("Roles", []):
            documents.append(policy["PolicyDocument"])
    return [statement for document in documents for statement in document["Statement"]]
