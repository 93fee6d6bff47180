using System.Collections.Immutable;
using Culvert.Core;

namespace Culvert.Controller.Identity.Federation;

/// <summary>The bundles of other trust domains that are in force. Safe for any number of threads.</summary>
internal sealed class FederatedBundles
{
    private readonly Lock _lock = new();
    private volatile State _state = new([], []);
    private bool _isUntold;

    /// <summary>Raised after <see cref="All"/> has changed, on the thread that has changed it.</summary>
    public event Action? Changed;

    /// <summary>The bundles, by name of their trust domains.</summary>
    public EquatableArray<TrustBundle> All => _state.Bundles;

    /// <summary>The trust domains that the mesh is to be federated with, also those whose bundles are not known yet.</summary>
    public ImmutableHashSet<string> TrustDomains => _state.TrustDomains;

    /// <summary>Sets all. Who fails to hear of it is told again the next time.</summary>
    /// <param name="read">Says what is in force now; called by one at a time, so that nothing takes the place of what is newer.</param>
    public void Set(Func<(EquatableArray<TrustBundle> Bundles, ImmutableHashSet<string> TrustDomains)> read)
    {
        lock (_lock)
        {
            (EquatableArray<TrustBundle> bundles, ImmutableHashSet<string> trustDomains) = read();
            _isUntold |= bundles != _state.Bundles;
            if (_isUntold || !trustDomains.SetEquals(_state.TrustDomains)) _state = new(bundles, trustDomains);
            if (!_isUntold) return;
            Changed?.Invoke();
            _isUntold = false;
        }
    }

    private sealed record State(EquatableArray<TrustBundle> Bundles, ImmutableHashSet<string> TrustDomains);
}
