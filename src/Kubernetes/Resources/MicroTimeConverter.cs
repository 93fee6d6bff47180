namespace Culvert.Kubernetes.Resources;

/// <summary>Writes times with six digits of a second, as the API's MicroTime has to be.</summary>
internal sealed class MicroTimeConverter() : TimeConverter("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'");
