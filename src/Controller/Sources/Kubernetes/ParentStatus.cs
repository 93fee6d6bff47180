using Culvert.Kubernetes.Resources;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>What this controller says of a route at one of its parents.</summary>
/// <param name="ParentRef">The parent, as the route names it.</param>
/// <param name="ControllerName">Who says it.</param>
/// <param name="Conditions">What.</param>
internal sealed record ParentStatus(ParentReference ParentRef, string ControllerName, IReadOnlyList<Condition> Conditions);
