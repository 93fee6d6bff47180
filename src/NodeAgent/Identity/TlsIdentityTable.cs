using System.Collections.Immutable;
using Culvert.Core;
using Culvert.Interop.Tls;
using Culvert.Logging;
using Culvert.NodeAgent.Proxy.Model;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Identity;

/// <summary>
/// The TLS contexts in use, by identity: made from the certificates of the <see cref="ISvidStore"/> and the trust bundle, replaced when either
/// changes. Reads are lock-free.
/// </summary>
internal sealed class TlsIdentityTable(ISvidStore svids, TimeProvider time, ILogger logger) : ICertificateSource
{
    private readonly Lock _lock = new();
    private volatile ImmutableDictionary<SpiffeId, TlsIdentity> _table = ImmutableDictionary<SpiffeId, TlsIdentity>.Empty;
    private TrustBundle _bundle = TrustBundle.Empty;
    private EquatableArray<TrustBundle> _federated, _federatedInForce;
    private volatile RevokedCredentials _revoked = RevokedCredentials.None;
    private volatile bool _trustLost;

    /// <summary>Raised when an entry changed, on the thread that changed it.</summary>
    internal event Action? Changed;

    /// <summary>Roots of other trust domains, which all contexts for those who come have.</summary>
    internal TlsForeignRoots Foreign { get; } = new();

    public bool IsTrustLost => _trustLost;

    public RevokedCredentials Revoked => _revoked;

    public TlsIdentity? Find(SpiffeId identity) => _table.GetValueOrDefault(identity);

    public bool TrustsForeign(string trustDomain, TlsAnchor anchor) => Foreign.Trusts(SpiffeId.SchemePrefix + trustDomain, anchor);

    /// <summary>Takes a renewed certificate into use: the one that there is now, should another one have come since.</summary>
    internal void Update(Svid svid)
    {
        lock (_lock)
        {
            if (_bundle.Roots.IsEmpty || svids.Find(svid.Id) is not { } latest || Make(latest) is not { } made) return;
            _table = _table.SetItem(svid.Id, made);
        }
        Changed?.Invoke();
    }

    /// <summary>Shows no certificate of an identity any more, unless another one has come since. Tunnels that were made with the one before go on.</summary>
    internal void Withdraw(SpiffeId id)
    {
        lock (_lock)
        {
            if (svids.Find(id) is not null || !_table.ContainsKey(id)) return;
            _table = _table.Remove(id);
        }
        Changed?.Invoke();
    }

    /// <summary>Takes what is revoked into use.</summary>
    internal void Revoke(RevokedCredentials revoked)
    {
        lock (_lock)
        {
            if (revoked == _revoked) return;
            _revoked = revoked;
            svids.Revoke(revoked);
        }
        Changed?.Invoke();
    }

    /// <summary>Takes another trust bundle, and the identities that are wanted, into use.</summary>
    internal void Update(TrustBundle bundle, IReadOnlySet<SpiffeId> wanted)
    {
        lock (_lock)
        {
            // Other keys for tokens are for others to know: the contexts are the same, and so the tunnels made with them.
            bool sameRoots = bundle.HasSameRoots(_bundle);
            if (bundle.Equals(_bundle) && _table.Keys.All(wanted.Contains) && wanted.All(id => _table.ContainsKey(id) || svids.Find(id) is null)) return;
            _trustLost = bundle.Roots.IsEmpty && (_trustLost || !_bundle.Roots.IsEmpty);
            bool isRootGone = !bundle.Roots.IsEmpty && _bundle.Roots.Any(r => !bundle.Roots.Any(n => n.Span.SequenceEqual(r.Span)));
            _bundle = bundle;
            if (isRootGone) svids.RenewUnless(svid => SvidVerifier.LeadsTo(svid, bundle, time.GetUtcNow()));
            ImmutableDictionary<SpiffeId, TlsIdentity>.Builder next = ImmutableDictionary.CreateBuilder<SpiffeId, TlsIdentity>();
            foreach (SpiffeId id in wanted)
            {
                if (sameRoots && _table.TryGetValue(id, out TlsIdentity? kept)) next[id] = kept;
                else if (svids.Find(id) is { } svid && !bundle.Roots.IsEmpty && Make(svid) is { } made) next[id] = made;
            }
            _table = next.ToImmutable();
        }
        Changed?.Invoke();
    }

    /// <summary>Takes the bundles of other trust domains into use, all of them; the mesh's own is none. Of a domain one of whose roots can't be read nobody is believed. No certificate or context is made anew, so that no tunnel of the mesh's own drains for others' roots.</summary>
    /// <returns>They, as they are in force.</returns>
    internal EquatableArray<TrustBundle> Federate(EquatableArray<TrustBundle> bundles)
    {
        lock (_lock)
        {
            if (bundles == _federated) return _federatedInForce;
            EquatableArray<TrustBundle> before = _federated;
            _federated = bundles;
            IReadOnlyDictionary<string, string> failed = Foreign.Set(bundles.Items.ToDictionary(b => SpiffeId.SchemePrefix + b.TrustDomain, b => (IReadOnlyList<ReadOnlyMemory<byte>>)b.Roots, StringComparer.Ordinal));
            foreach (TrustBundle bundle in bundles)
            {
                if (failed.TryGetValue(SpiffeId.SchemePrefix + bundle.TrustDomain, out string? reason) && !before.Contains(bundle)) TlsIdentityLog.NotFederated(logger, bundle.TrustDomain, reason);
            }
            _federatedInForce = bundles.Select(b => failed.ContainsKey(SpiffeId.SchemePrefix + b.TrustDomain) ? new TrustBundle(b.TrustDomain, []) : b).ToEquatableArray();
        }
        Changed?.Invoke();
        return _federatedInForce;
    }

    private TlsIdentity? Make(Svid svid)
    {
        if (svid.IsFromDisk && !SvidVerifier.LeadsTo(svid, _bundle, time.GetUtcNow()))
        {
            TlsIdentityLog.NotTrusted(logger, svid.Id);
            svids.Discard(svid);
            return null;
        }

        try
        {
            TlsContext Context(bool server) => svid.PrivateKey.Use(key => TlsContext.Create(new TlsContextOptions
            {
                IsServer = server,
                Certificate = svid.Chain[0],
                Chain = [.. svid.Chain.Skip(1).Select(c => new ReadOnlyMemory<byte>(c))],
                PrivateKey = key,
                TrustBundle = [.. _bundle.Roots],
                ForeignRoots = server ? Foreign : null,
            }));
            return new TlsIdentity(svid.Id, Context(server: false), Context(server: true));
        }
        catch (TlsException e)
        {
            TlsIdentityLog.Unusable(logger, svid.Id, e.Message);
            if (svid.IsFromDisk) svids.Discard(svid);
            return null;
        }
    }
}

internal static partial class TlsIdentityLog
{
    [LoggerMessage(EventId = LogEventIds.TlsIdentityTableUnusable, Level = LogLevel.Error, Message = "the certificate for {Id} can't be used, the one before stays: {Reason}")]
    internal static partial void Unusable(ILogger logger, SpiffeId id, string reason);

    [LoggerMessage(EventId = LogEventIds.NotTrusted, Level = LogLevel.Error, Message = "the certificate for {Id} on disk does not lead to the trust bundle: it is removed and another one asked for")]
    internal static partial void NotTrusted(ILogger logger, SpiffeId id);

    [LoggerMessage(EventId = LogEventIds.BundlesNotFederated, Level = LogLevel.Error, Message = "the bundle of {TrustDomain} can't be used, and nobody of that trust domain is believed: {Reason}")]
    internal static partial void NotFederated(ILogger logger, string trustDomain, string reason);
}
