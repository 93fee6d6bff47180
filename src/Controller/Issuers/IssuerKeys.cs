using System.Collections.Immutable;

namespace Culvert.Controller.Issuers;

/// <summary>The keys that were read from URLs. Safe for any number of threads.</summary>
internal sealed class IssuerKeys
{
    private ImmutableDictionary<string, IssuerKeySet> _byUri = ImmutableDictionary.Create<string, IssuerKeySet>(StringComparer.Ordinal);

    /// <summary>Raised when there are other keys, or it has come to be otherwise whether they can be read, on the thread that has changed it.</summary>
    public event Action? Changed;

    /// <summary>By URL, as it is written; those that nobody has tried to read yet are not in it.</summary>
    public ImmutableDictionary<string, IssuerKeySet> ByUri => Volatile.Read(ref _byUri);

    /// <summary>Takes what has become of reading one.</summary>
    public void Set(string uri, IssuerKeySet set)
    {
        IssuerKeySet? before = ByUri.GetValueOrDefault(uri);
        if (before == set) return;
        ImmutableInterlocked.AddOrUpdate(ref _byUri, uri, set, (_, _) => set);

        // Another reason why it can't be read is told with the next change: an issuer could have all nodes told of something at each try.
        if (before is null || before.Keys != set.Keys || before.Error is null != set.Error is null) Changed?.Invoke();
    }

    /// <summary>Forgets one that nobody asks for any more.</summary>
    public void Forget(string uri) => ImmutableInterlocked.TryRemove(ref _byUri, uri, out _);
}
