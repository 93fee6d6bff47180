using System.Text.Json.Serialization;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;

namespace Culvert.Kubernetes.Resources;

/// <summary>How objects of Kubernetes are read and written; all of it generated at compile time.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Pod))]
[JsonSerializable(typeof(Service))]
[JsonSerializable(typeof(Node))]
[JsonSerializable(typeof(Namespace))]
[JsonSerializable(typeof(ServiceAccount))]
[JsonSerializable(typeof(Secret))]
[JsonSerializable(typeof(ConfigMap))]
[JsonSerializable(typeof(Event))]
[JsonSerializable(typeof(Deployment))]
[JsonSerializable(typeof(DaemonSet))]
[JsonSerializable(typeof(EndpointSlice))]
[JsonSerializable(typeof(NetworkPolicy))]
[JsonSerializable(typeof(Lease))]
[JsonSerializable(typeof(TokenReview))]
[JsonSerializable(typeof(CustomResourceDefinition))]
[JsonSerializable(typeof(ValidatingWebhookConfiguration))]
[JsonSerializable(typeof(PartialObject))]
[JsonSerializable(typeof(ListMeta))]
[JsonSerializable(typeof(ServerVersion))]
[JsonSerializable(typeof(StatusDocument))]
internal sealed partial class KubernetesJson : JsonSerializerContext;
