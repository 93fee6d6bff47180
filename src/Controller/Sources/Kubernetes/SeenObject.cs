using Culvert.Kubernetes.Resources;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>An object that has a status, as the server told it last.</summary>
/// <param name="Kind">Its kind.</param>
/// <param name="Name">Its name.</param>
/// <param name="Conditions">What its status says.</param>
internal sealed record SeenObject(ApiKind Kind, ResourceName Name, IReadOnlyList<Condition> Conditions);
