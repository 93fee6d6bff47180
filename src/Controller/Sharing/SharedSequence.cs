using System.Text;
using Culvert.Controller.Identity.Federation;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Sharing;

/// <summary>
/// Counts the changes of the mesh's roots for several controllers, in the Secret: a set of roots has the same number at all of them, and none is told before it is there. The highest holds. Who has not heard yet of the roots that have it tells those of
/// before, with their number. Safe for any number of threads.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="logger">Where it is said what can't be read.</param>
internal sealed class SharedSequence(TimeProvider time, ILogger logger) : ISharedPart, IBundleSequence
{
    /// <summary>The key of the Secret.</summary>
    public const string Key = "bundle-sequence";

    private readonly Lock _lock = new();
    private BundleCount _read = BundleCount.None;
    private string? _wanted;
    private bool _isDamaged;

    /// <inheritdoc/>
    public event Action? Changed;

    /// <inheritdoc/>
    public event Action? Known;

    /// <summary>Takes up what the Secret says.</summary>
    public void Take(V1Secret read)
    {
        lock (_lock) _read = Highest(Of(read));
    }

    /// <inheritdoc/>
    public ulong? Find(string digest, bool isNew)
    {
        lock (_lock)
        {
            if (_read.Digest == digest)
            {
                _wanted = null;
                return _read.Number;
            }
            if (!isNew) return null;
            _wanted = digest;
        }
        Changed?.Invoke();
        return null;
    }

    /// <inheritdoc/>
    public IReadOnlyCollection<KeyValuePair<string, byte[]?>> Exchange(V1Secret read)
    {
        BundleCount said = Of(read), before, wanted;
        lock (_lock)
        {
            (before, _read) = (_read, Highest(said));
            if (_wanted == _read.Digest) _wanted = null;
            wanted = _wanted is { } digest ? _read.Next(digest, time.GetUtcNow()) : _read;
        }
        if (before != _read) Known?.Invoke();

        // Also where it was deleted or made lower.
        return wanted == said ? [] : [new(Key, Encoding.ASCII.GetBytes(wanted.ToString()))];
    }

    private BundleCount Highest(BundleCount said) => said.Number >= _read.Number ? said : _read;

    private BundleCount Of(V1Secret read)
    {
        if (!read.Data.TryGetValue(Key, out byte[]? text)) return BundleCount.None;
        try
        {
            BundleCount said = BundleCount.Parse(Encoding.ASCII.GetString(text));
            _isDamaged = false;
            return said;
        }
        catch (InvalidDataException e)
        {
            if (!_isDamaged) FederationLog.SequenceNotKept(logger, Key, e.Message);
            _isDamaged = true;
            return BundleCount.None;
        }
    }
}
