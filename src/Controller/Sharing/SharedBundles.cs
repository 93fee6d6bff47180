using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Culvert.Controller.Identity.Federation;
using Culvert.Core;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Sharing;

/// <summary>
/// The bundles of other trust domains, kept in the Secret: no controller believes again what another one has been told is over, nor one that takes the place of a pod that has gone. Of two the one with the higher sequence holds. Each trust
/// domain has room of its own, so that none keeps out what another one has withdrawn. Safe for any number of threads.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="logger">Where it is said what there is no room for.</param>
internal sealed class SharedBundles(TimeProvider time, ILogger logger) : ISharedPart, IBundleStore
{
    /// <summary>The most bytes that all have of the 1 MiB that a Secret may have, which roots and revocations need as well: they must not be kept out by what other trust domains tell.</summary>
    public const int MostBytes = 512 * 1024;

    /// <summary>The most bytes of a trust domain's: the digests of as many roots as a bundle may have are 3 KiB, and half a dozen usual roots fit beside them.</summary>
    public const int MostBytesEach = MostBytes / TrustBundle.MostFederated;

    /// <summary>How long what is kept stays after a controller has started that does not name the trust domain: its file may be older than others'.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromDays(7);

    private const string Prefix = "federated-";

    // Of a key, 253; and no trust domain has a capital.
    private const int LongestName = 200;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, KeptBundle?> _wanted = new(StringComparer.Ordinal);
    private readonly HashSet<string> _unnamed = new(StringComparer.Ordinal);
    private readonly HashSet<string> _cut = new(StringComparer.Ordinal);
    private ImmutableDictionary<string, byte[]> _read = ImmutableDictionary<string, byte[]>.Empty;
    private IReadOnlyCollection<string>? _named;

    /// <inheritdoc/>
    public event Action? Changed;

    /// <summary>Takes up what the Secret says, before anything is loaded.</summary>
    public void Take(V1Secret read)
    {
        lock (_lock) _read = read.Data.Where(d => d.Key.StartsWith(Prefix, StringComparison.Ordinal)).ToImmutableDictionary(StringComparer.Ordinal);
    }

    /// <inheritdoc/>
    public KeptBundle? Load(string trustDomain)
    {
        string key = KeyOf(trustDomain);
        lock (_lock)
        {
            if (_wanted.TryGetValue(key, out KeptBundle? wanted)) return wanted;
            if (!_read.TryGetValue(key, out byte[]? kept)) return null;
            try
            {
                return KeptBundle.Read(Encoding.UTF8.GetString(kept));
            }
            catch (InvalidDataException e)
            {
                throw new InvalidDataException($"'{key}' of the Secret is damaged: {e.Message}", e);
            }
        }
    }

    /// <inheritdoc/>
    public KeptBundle? FindAtOtherController(string trustDomain)
    {
        lock (_lock) return Find(KeyOf(trustDomain));
    }

    /// <inheritdoc/>
    public void Save(string trustDomain, KeptBundle bundle) => Want(trustDomain, bundle);

    /// <inheritdoc/>
    public void Uphold(string trustDomain, KeptBundle bundle)
    {
        string key = KeyOf(trustDomain);
        lock (_lock)
        {
            if (_wanted.ContainsKey(key) || (Find(key) is { NotNamedSince: null } kept && !kept.IsOlderThan(bundle))) return;
        }
        Want(trustDomain, bundle);
    }

    /// <inheritdoc/>
    public void Forget(string trustDomain) => Want(trustDomain, null);

    /// <inheritdoc/>
    public void ForgetAllBut(IReadOnlyCollection<string> trustDomains)
    {
        lock (_lock) _named = [.. trustDomains.Select(KeyOf)];
        Changed?.Invoke();
    }

    /// <inheritdoc/>
    public IReadOnlyCollection<KeyValuePair<string, byte[]?>> Exchange(V1Secret read)
    {
        Take(read);
        lock (_lock) return Bound([.. Unnamed(), .. Wanted()]);
    }

    // Under the lock. What is named has room by what each may have; of what nobody names any more the oldest goes.
    private List<KeyValuePair<string, byte[]?>> Bound(List<KeyValuePair<string, byte[]?>> news)
    {
        Dictionary<string, byte[]> then = _read.ToDictionary(StringComparer.Ordinal);
        foreach ((string key, byte[]? text) in news)
        {
            if (text is null) then.Remove(key);
            else then[key] = text;
        }
        int all = then.Values.Sum(t => t.Length);
        if (all <= MostBytes) return news;
        foreach ((string key, DateTimeOffset since) in then.Select(t => (t.Key, TryRead(t.Value)?.NotNamedSince)).Where(t => t.NotNamedSince is not null).Select(t => (t.Key, t.NotNamedSince!.Value)).OrderBy(t => t.Value).ToArray())
        {
            if (all <= MostBytes) break;
            all -= then[key].Length;
            news.RemoveAll(n => n.Key == key);
            news.Add(new(key, null));
        }
        return news;
    }

    // Under the lock. Whoever names one writes it anew.
    private List<KeyValuePair<string, byte[]?>> Unnamed()
    {
        if (_named is { } named) _unnamed.UnionWith(_read.Keys.Where(k => !named.Contains(k)));
        _named = null;
        List<KeyValuePair<string, byte[]?>> news = [];
        DateTimeOffset now = time.GetUtcNow();
        foreach (string key in _unnamed.ToArray())
        {
            // What can't be read may be of another version.
            KeptBundle? kept = _wanted.ContainsKey(key) ? null : Find(key);
            if (kept is { NotNamedSince: null }) news.Add(new(key, (kept with { NotNamedSince = now }).Within(MostBytesEach, kept).Write()));
            else if (kept is { NotNamedSince: { } since } && now - since > Grace) news.Add(new(key, null));
            else _unnamed.Remove(key);
        }
        return news;
    }

    // Under the lock.
    private List<KeyValuePair<string, byte[]?>> Wanted()
    {
        List<KeyValuePair<string, byte[]?>> news = [];
        foreach ((string key, KeptBundle? wanted) in _wanted.ToArray())
        {
            byte[]? kept = _read.GetValueOrDefault(key), text = wanted is null ? null : IsOvertaken(key, wanted) ? kept : Fit(key, wanted);
            if (text is null ? kept is null : kept is not null && kept.AsSpan().SequenceEqual(text)) _wanted.Remove(key);
            else news.Add(new(key, text));
        }
        return news;
    }

    // Or there: what another controller has been told since is taken up from here.
    private bool IsOvertaken(string key, KeptBundle wanted) => Find(key) is { } kept && wanted.OrderTo(kept) is { } order && (order < 0 || (order == 0 && kept.NotNamedSince is null));

    // However large it is, what it has no more is withdrawn, and by how high a sequence: only roots that it still has wait for their endpoint.
    private byte[] Fit(string key, KeptBundle wanted)
    {
        KeptBundle fitting = (wanted with { NotNamedSince = null }).Within(MostBytesEach, Find(key));
        int all = fitting.Document.Roots.Length + fitting.Missing.Length;
        if (!fitting.IsPart) _cut.Remove(key);
        else if (_cut.Add(key)) SharingLog.BundleCut(logger, key, fitting.Document.Roots.Length, all, MostBytesEach);
        return fitting.Write();
    }

    private KeptBundle? Find(string key) => _read.TryGetValue(key, out byte[]? kept) ? TryRead(kept) : null;

    private void Want(string trustDomain, KeptBundle? bundle)
    {
        lock (_lock) _wanted[KeyOf(trustDomain)] = bundle;
        Changed?.Invoke();
    }

    private static KeptBundle? TryRead(byte[] kept)
    {
        try
        {
            return KeptBundle.Read(Encoding.UTF8.GetString(kept));
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    private static string KeyOf(string trustDomain) => Prefix + (trustDomain.Length <= LongestName ? trustDomain : $"X{Convert.ToHexString(SHA256.HashData(Encoding.ASCII.GetBytes(trustDomain)))}");
}
