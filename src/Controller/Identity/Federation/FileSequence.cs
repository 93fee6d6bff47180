using Culvert.Controller.Files;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Identity.Federation;

/// <summary>Counts the changes of the roots of a controller that is alone, over restarts as well. Safe for any number of threads.</summary>
/// <param name="path">A file that keeps the number.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Where it is said that it can't be kept.</param>
internal sealed class FileSequence(string path, TimeProvider time, ILogger logger) : IBundleSequence
{
    private readonly Lock _lock = new();
    private BundleCount? _last;

    /// <summary>Never: each number is known at once.</summary>
    public event Action? Known
    {
        add { }
        remove { }
    }

    /// <inheritdoc/>
    public ulong? Find(string digest, bool isNew)
    {
        lock (_lock)
        {
            BundleCount last = _last ??= Load();
            if (last.Digest == digest) return last.Number;

            // Before it is told: of two that are told one must not have the other's number.
            _last = last.Next(digest, time.GetUtcNow());
            Save(_last);
            return _last.Number;
        }
    }

    private BundleCount Load()
    {
        if (!File.Exists(path)) return BundleCount.None;
        try
        {
            return BundleCount.Parse(PrivateFiles.ReadSealed(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or DamagedFileException or InvalidDataException)
        {
            FederationLog.SequenceNotKept(logger, path, e.Message);
            return BundleCount.None;
        }
    }

    private void Save(BundleCount count)
    {
        try
        {
            PrivateFiles.WriteSealed(path, count.ToString());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            FederationLog.SequenceNotKept(logger, path, e.Message);
        }
    }
}
