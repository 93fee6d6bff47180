namespace Culvert.Core;

/// <summary>The kinds of path that a connection, or a session of datagrams, takes from where it begins.</summary>
public enum PathKind
{
    /// <summary>The kernel of the node delivers it, when policy lets it in.</summary>
    Direct,

    /// <summary>By the node's proxy, for <see cref="ConnectionPath.Reason"/>, to a workload of the same node.</summary>
    Proxy,

    /// <summary>By the node's proxy and a tunnel of mutual TLS to the destination's node.</summary>
    Tunnel,

    /// <summary>As it is, without policy: it is not the mesh's business.</summary>
    Pass,

    /// <summary>Not at all.</summary>
    Drop,
}
