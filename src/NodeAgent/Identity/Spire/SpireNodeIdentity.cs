using Culvert.Protocol;
using Culvert.Protocol.Spiffe;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Identity.Spire;

/// <summary>
/// The node's own certificate and the roots that the controller's leads to, by the Workload API of the SPIRE agent of the machine: of the identity <c>/culvert/node/NAME</c> of whatever trust domain that is. In memory only.
/// Thread-safe.
/// </summary>
internal sealed class SpireNodeIdentity : INodeIdentity, IAsyncDisposable
{
    private readonly TimeProvider _time;
    private readonly string _node;
    private readonly X509Source _source;
    private readonly Lock _lock = new();
    private NodeSvid? _held;

    /// <summary>Begins to ask.</summary>
    /// <param name="endpoint">The Workload API.</param>
    /// <param name="node">The node's name.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where it is said why there is no certificate.</param>
    internal SpireNodeIdentity(SpiffeEndpoint endpoint, string node, TimeProvider time, ILogger logger)
    {
        (_time, _node) = (time, node);
        _source = new(endpoint, time, reason => SpireAgentLog.NodeFailed(logger, node, reason), id => id.Node == node);
    }

    /// <summary>The certificate with its key and the roots, while it is valid; null otherwise.</summary>
    internal X509Context? Current => _source.Current;

    /// <summary>Why there is no <see cref="Current"/> one, with its remedy.</summary>
    internal string WhyNone => $"the node has no certificate to show to the controller: {_source.WhyNone}; it needs an entry of the SPIFFE ID spiffe://TRUST-DOMAIN/culvert/node/{_node} that fits this process";

    public NodeSvid? Held
    {
        get
        {
            lock (_lock)
            {
                if (Current is not { } current) return _held;
                byte[] leaf = current.Certificate.Certificate.RawData;
                if (_held is { } held && held.Chain[0].AsSpan().SequenceEqual(leaf)) return held;
                return _held = new(current.Id, (_held?.Version ?? 0) + 1, [leaf, .. current.Certificate.Intermediates.Select(c => c.RawData)], _time.GetUtcNow());
            }
        }
    }

    public DateTimeOffset? NotAfter => Current?.NotAfter;

    public DateTimeOffset? DueAt => null;

    public string? LastError => Current is null ? WhyNone : _source.Failure;

    public string Source => "spire-agent";

    /// <summary>Stops asking.</summary>
    public ValueTask DisposeAsync() => _source.DisposeAsync();
}
