using Culvert.Core;

namespace Culvert.NodeAgent.Identity;

/// <summary>
/// Holds one certificate for each identity that runs on this node, and keeps it current: <see cref="SvidStore"/> makes keys and asks for certificates, <see cref="Spire.SpireSvidStore"/> is sent both. Thread-safe.
/// </summary>
public interface ISvidStore : IAsyncDisposable
{
    /// <summary>Raised after a certificate has come into use, on any thread; whoever is told asks <see cref="Find"/> for the one of the moment.</summary>
    event Action<Svid>? Changed;

    /// <summary>Raised after an identity has lost its certificate, and has no other one, on any thread.</summary>
    event Action<SpiffeId>? Withdrawn;

    /// <summary>Who gives certificates, as people are told: <c>controller</c> or <c>spire-agent</c>.</summary>
    string Source { get; }

    /// <summary>Whether who sends certificates can be reached now; null where they are asked for.</summary>
    bool? IsConnected => null;

    /// <summary>The certificate in use for an identity; null while there is none.</summary>
    Svid? Find(SpiffeId id);

    /// <summary>Every identity that is wanted, by name, with its certificate when there is one.</summary>
    IReadOnlyList<SvidState> List();

    /// <summary>Sets which identities this node needs, and forgets those that are gone.</summary>
    /// <param name="wanted">Identity to the uid of one of its workloads on this node.</param>
    void Want(IReadOnlyDictionary<SpiffeId, string> wanted);

    /// <summary>Takes nothing into use any more that is revoked.</summary>
    void Revoke(RevokedCredentials revoked);

    /// <summary>Has a certificate renewed now, and waits for what comes of it.</summary>
    /// <param name="id">Whose.</param>
    /// <param name="deadline">Ends the wait.</param>
    Task<Rotation> RotateAsync(SpiffeId id, CancellationToken deadline);

    /// <summary>Renews now whatever was signed for longer; nothing where another decides how long they live.</summary>
    void RenewLongerThan(TimeSpan lifetime)
    {
    }

    /// <summary>Renews now whatever peers do not take any more, as its root has left the trust bundle; nothing where certificates are sent, which are looked at again whenever the bundle changes.</summary>
    /// <param name="isTaken">Whether a certificate still is.</param>
    void RenewUnless(Func<Svid, bool> isTaken)
    {
    }

    /// <summary>Forgets a certificate of the disk that can't be used; nothing where none are kept there.</summary>
    void Discard(Svid svid)
    {
    }
}
