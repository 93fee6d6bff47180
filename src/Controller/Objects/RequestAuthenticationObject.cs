using System.Collections.Immutable;
using Culvert.Core;

namespace Culvert.Controller.Objects;

/// <summary>What is said about tokens of requests, with what it selects. Keys that are read from a URL are not in it.</summary>
internal sealed record RequestAuthenticationObject(ObjectMeta Meta, RequestAuthenticationInfo Authentication) : MeshObject(ObjectKind.RequestAuthentication, Meta)
{
    /// <summary>Labels of the workloads it selects; empty selects all of its namespace, or of the mesh in the root namespace.</summary>
    public ImmutableSortedDictionary<string, string> Selector { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Where keys are to be read from.</summary>
    public IEnumerable<string> KeyUris => Authentication.Rules.Select(r => r.KeysUri).OfType<string>();
}
