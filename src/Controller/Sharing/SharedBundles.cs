using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Culvert.Controller.Identity.Federation;
using Culvert.Kubernetes.Resources;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Sharing;

/// <summary>
/// The bundles of other trust domains, kept in the Secret: no controller believes again what another one has been told is over, nor one that takes the place of a pod that has gone. Of two the one with the higher sequence holds. Safe for any
/// number of threads.
/// </summary>
/// <param name="logger">Where it is said what can't be kept.</param>
internal sealed class SharedBundles(ILogger logger) : ISharedPart, IBundleStore
{
    // Of the 1 MiB that a Secret may have, which roots and revocations need as well: they must not be kept out by what other trust domains tell.
    private const int MostBytes = 512 * 1024;

    private const string Prefix = "federated-";

    // Of a key, 253; and no trust domain has a capital.
    private const int LongestName = 200;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, KeptBundle?> _wanted = new(StringComparer.Ordinal);
    private readonly HashSet<string> _refused = new(StringComparer.Ordinal);
    private ImmutableDictionary<string, byte[]> _read = ImmutableDictionary<string, byte[]>.Empty;
    private IReadOnlyCollection<string>? _named;

    /// <inheritdoc/>
    public event Action? Changed;

    /// <summary>Takes up what the Secret says, before anything is loaded.</summary>
    public void Take(Secret read)
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
    public KeptBundle? FindOthers(string trustDomain)
    {
        lock (_lock) return _read.TryGetValue(KeyOf(trustDomain), out byte[]? kept) ? TryRead(kept) : null;
    }

    /// <inheritdoc/>
    public void Save(string trustDomain, KeptBundle bundle) => Want(trustDomain, bundle);

    /// <inheritdoc/>
    public void Forget(string trustDomain) => Want(trustDomain, null);

    /// <inheritdoc/>
    public void ForgetOthers(IReadOnlyCollection<string> trustDomains)
    {
        lock (_lock) _named = [.. trustDomains.Select(KeyOf)];
        Changed?.Invoke();
    }

    /// <inheritdoc/>
    public IReadOnlyCollection<KeyValuePair<string, byte[]?>> Exchange(Secret read)
    {
        Take(read);
        List<KeyValuePair<string, byte[]?>> news = [];
        lock (_lock)
        {
            if (_named is { } named)
            {
                _named = null;
                foreach (string gone in _read.Keys.Where(k => !named.Contains(k) && !_wanted.ContainsKey(k))) _wanted.Add(gone, null);
            }
            int bytes = _read.Sum(d => d.Value.Length);
            foreach ((string key, KeptBundle? wanted) in _wanted.ToArray())
            {
                byte[]? kept = _read.GetValueOrDefault(key), text = wanted?.Write();

                // Done, or overtaken: what another controller has been told since is taken up from here.
                if (text is null ? kept is null : kept is not null && (kept.AsSpan().SequenceEqual(text) || TryRead(kept) is { } other && wanted!.IsOlderThan(other))) _wanted.Remove(key);
                else if (text is not null && bytes - (kept?.Length ?? 0) + text.Length > MostBytes) Refuse(key);
                else
                {
                    bytes += (text?.Length ?? 0) - (kept?.Length ?? 0);
                    news.Add(new(key, text));
                }
            }
        }
        return news;
    }

    private void Refuse(string key)
    {
        _wanted.Remove(key);
        if (_refused.Add(key)) SharingLog.BundleNotKept(logger, key, MostBytes);
    }

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
