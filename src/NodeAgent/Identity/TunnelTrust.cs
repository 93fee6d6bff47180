using Culvert.Core;
using Culvert.NodeAgent.Identity.Spire;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Identity;

/// <summary>
/// Which roots peers of tunnels have to lead to: those of the snapshot, or, where a SPIRE agent gives the certificates, that agent's and no others, of the mesh's trust domain and of those that it is federated with. The controller's own
/// say who the controller is, in any case. Thread-safe.
/// </summary>
internal sealed class TunnelTrust
{
    private readonly TlsIdentityTable _tls;
    private readonly SpireSvidStore? _spire;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private volatile TrustBundle _inForce = TrustBundle.Empty;
    private IReadOnlySet<SpiffeId> _wanted = new HashSet<SpiffeId>();
    private TrustBundle _controllers = TrustBundle.Empty;
    private EquatableArray<TrustBundle> _federated, _foreign;
    private bool _isDifferenceSaid;

    /// <param name="tls">What the proxy proves and believes.</param>
    /// <param name="spire">The certificates of a SPIRE agent; null: the controller gives them.</param>
    /// <param name="logger">Where it is said when the roots of both have nothing in common.</param>
    internal TunnelTrust(TlsIdentityTable tls, SpireSvidStore? spire, ILogger logger)
    {
        (_tls, _spire, _logger) = (tls, spire, logger);
        if (spire is not null) spire.BundleChanged += Take;
    }

    /// <summary>The roots that peers of tunnels have to lead to.</summary>
    internal TrustBundle InForce => _inForce;

    /// <summary>The bundles of other trust domains, each good for names of its own.</summary>
    internal EquatableArray<TrustBundle> Federated
    {
        get
        {
            lock (_lock) return _foreign;
        }
    }

    /// <summary>What is believed no more, though it is signed and valid.</summary>
    internal RevokedCredentials Revoked => _tls.Revoked;

    /// <summary>Takes what a snapshot says.</summary>
    /// <param name="controllers">Its bundle.</param>
    /// <param name="wanted">The identities of this node.</param>
    /// <param name="federated">Bundles of other trust domains, whose peers may open tunnels.</param>
    internal void Use(TrustBundle controllers, IReadOnlySet<SpiffeId> wanted, EquatableArray<TrustBundle> federated = default)
    {
        lock (_lock)
        {
            (_controllers, _wanted) = (controllers, wanted);
            _federated = federated;
            Use(_spire is null ? controllers : _spire.Follow(controllers.TrustDomain));
        }
    }

    /// <summary>Takes away what a snapshot does not have any more of other trust domains, before all that may fail of it: nothing of it is believed because the kernel has no room for the rest. What it brings is not in force before <see cref="Use(TrustBundle, IReadOnlySet{SpiffeId}, EquatableArray{TrustBundle})"/>.</summary>
    /// <param name="federated">Its bundles of other trust domains.</param>
    internal void Withdraw(EquatableArray<TrustBundle> federated)
    {
        lock (_lock)
        {
            Dictionary<string, TrustBundle> left = federated.ToDictionary(b => b.TrustDomain, StringComparer.Ordinal);

            // Beside a SPIRE agent it counts only whether there is a root.
            _federated = _federated.Where(b => left.ContainsKey(b.TrustDomain)).Select(b => _spire is null ? Common(b, left[b.TrustDomain]) : left[b.TrustDomain].Roots.IsEmpty ? left[b.TrustDomain] : b).ToEquatableArray();
            UseForeign();
        }
    }

    private static TrustBundle Common(TrustBundle before, TrustBundle after) =>
        before.Equals(after) ? before : new(before.TrustDomain, [.. before.Roots.Where(r => after.Roots.Any(n => n.Span.SequenceEqual(r.Span)))]);

    private void Take()
    {
        lock (_lock) Use(_spire!.Bundle);
    }

    private void Use(TrustBundle bundle)
    {
        _inForce = bundle;
        _tls.Update(bundle, _wanted);
        UseForeign();
        bool differ = _spire is not null && !bundle.Roots.IsEmpty && !_controllers.Roots.IsEmpty && !bundle.Roots.Any(r => _controllers.Roots.Any(c => c.Span.SequenceEqual(r.Span)));
        if (differ && !_isDifferenceSaid) SpireAgentLog.RootsDiffer(_logger);
        _isDifferenceSaid = differ;
    }

    // With whom the mesh is federated the controller says; beside a SPIRE agent not by what roots, as of the mesh's own: it does not decide there who a workload is. That there are none is for both to say: the domain has revoked all.
    private void UseForeign() => _foreign = _tls.Federate(_federated.Where(b => b.TrustDomain != _controllers.TrustDomain).Select(b => _spire is null || b.Roots.IsEmpty ? b : _spire.FindForeign(b.TrustDomain)).OfType<TrustBundle>().ToEquatableArray());
}
