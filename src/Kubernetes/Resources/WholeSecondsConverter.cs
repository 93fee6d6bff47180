namespace Culvert.Kubernetes.Resources;

/// <summary>Writes times without parts of a second: the API's Time has none.</summary>
internal sealed class WholeSecondsConverter() : TimeConverter("yyyy-MM-dd'T'HH:mm:ss'Z'");
