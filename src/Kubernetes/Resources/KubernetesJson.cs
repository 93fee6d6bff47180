using System.Text.Json.Serialization;
using Culvert.Kubernetes.Client;
using k8s.Models;

namespace Culvert.Kubernetes.Resources;

/// <summary>
/// How objects are read and written; generated at compile time for the models that are used.
/// The package generates it for all models of the API, which makes a native program 15 MB larger.
/// </summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Corev1Event))]
[JsonSerializable(typeof(Lease))]
[JsonSerializable(typeof(PartialObject))]
[JsonSerializable(typeof(ServerVersion))]
[JsonSerializable(typeof(V1ConfigMap))]
[JsonSerializable(typeof(V1CustomResourceDefinition))]
[JsonSerializable(typeof(V1DaemonSet))]
[JsonSerializable(typeof(V1DeleteOptions))]
[JsonSerializable(typeof(V1Deployment))]
[JsonSerializable(typeof(V1Namespace))]
[JsonSerializable(typeof(V1NetworkPolicy))]
[JsonSerializable(typeof(V1Node))]
[JsonSerializable(typeof(V1Pod))]
[JsonSerializable(typeof(V1Secret))]
[JsonSerializable(typeof(V1Service))]
[JsonSerializable(typeof(V1ServiceAccount))]
[JsonSerializable(typeof(V1Status))]
[JsonSerializable(typeof(V1TokenReview))]
[JsonSerializable(typeof(V1ValidatingWebhookConfiguration))]
internal sealed partial class KubernetesJson : JsonSerializerContext;
