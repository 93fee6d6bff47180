using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Culvert.Controller.Files;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Identity.Federation;

/// <summary>
/// The mesh's own bundle as other trust domains are told it, from its start to its stop. Its sequence rises with each change of the roots, over restarts as well: it is the Unix time of the change, or one more than before. Safe for any number of threads.
/// </summary>
/// <param name="path">A file that keeps the sequence.</param>
/// <param name="authority">Whose roots.</param>
/// <param name="hint">How often others are to ask: more often than a new root is told before it signs.</param>
/// <param name="isAlone">Whether this is the only controller of the mesh: of several each would count by itself, so they tell no sequence.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Where it is said that the bundle has changed.</param>
internal sealed class BundlePublication(string path, ICertificateAuthority authority, TimeSpan hint, bool isAlone, TimeProvider time, ILogger logger) : IHostedService
{
    // A third of the time for which a root is told before it signs, so that two questions may fail; and what others take.
    private const double ShareOfActivation = 1.0 / 3;
    private static readonly TimeSpan ShortestHint = TimeSpan.FromMinutes(1), LongestHint = TimeSpan.FromMinutes(5);

    private readonly Lock _lock = new();
    private volatile Told _told = new([], 0, "");

    /// <summary>The bundle in UTF-8. It must not be changed.</summary>
    public ReadOnlyMemory<byte> Document => _told.Document;

    /// <summary>How often others are to ask.</summary>
    /// <param name="activation">How long a new root is told before it signs.</param>
    public static TimeSpan HintFor(TimeSpan activation) => TimeSpan.FromSeconds(Math.Clamp(Math.Floor(activation.TotalSeconds * ShareOfActivation), ShortestHint.TotalSeconds, LongestHint.TotalSeconds));

    /// <summary>Reads what was told last, and tells the roots of the moment.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        _told = Load();
        authority.RootsChanged += Update;
        Update();
        return Task.CompletedTask;
    }

    /// <summary>Tells no others.</summary>
    public Task StopAsync(CancellationToken cancellationToken)
    {
        authority.RootsChanged -= Update;
        return Task.CompletedTask;
    }

    private void Update()
    {
        lock (_lock)
        {
            ImmutableArray<ReadOnlyMemory<byte>> roots = authority.Roots;
            string digest = DigestOf(roots);
            ulong sequence = digest == _told.Digest ? _told.Sequence : Math.Max(_told.Sequence + 1, (ulong)Math.Max(0, time.GetUtcNow().ToUnixTimeSeconds()));
            bool isNew = sequence != _told.Sequence;
            BundleDocument document = new() { Roots = roots, Sequence = isAlone ? sequence : null, RefreshHint = hint };

            // Before it is told: of two that are told one must not have the other's number.
            if (isNew && isAlone) Save(sequence, digest);
            _told = new(document.Write(), sequence, digest);
            if (!isNew) return;
            int untold = roots.Count(r => !BundleDocument.CanTell(r));
            FederationLog.Served(logger, roots.Length - untold, document.Sequence);
            if (untold > 0) FederationLog.NotTold(logger, untold);
        }
    }

    private Told Load()
    {
        if (!isAlone || !File.Exists(path)) return new([], 0, "");
        try
        {
            return PrivateFiles.ReadSealed(path).Split(' ') is [var sequence, var digest] && ulong.TryParse(sequence, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) && number < ulong.MaxValue
                ? new Told([], number, digest)
                : throw new InvalidDataException($"'{path}' is no sequence");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or DamagedFileException or InvalidDataException)
        {
            FederationLog.SequenceNotKept(logger, e.Message);
            return new([], 0, "");
        }
    }

    private void Save(ulong sequence, string digest)
    {
        try
        {
            PrivateFiles.WriteSealed(path, string.Create(CultureInfo.InvariantCulture, $"{sequence} {digest}"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            FederationLog.SequenceNotKept(logger, e.Message);
        }
    }

    // Whatever their order: that is no change of the bundle.
    private static string DigestOf(ImmutableArray<ReadOnlyMemory<byte>> roots)
    {
        IEnumerable<string> each = roots.Select(r => Convert.ToHexString(SHA256.HashData(r.Span))).Order(StringComparer.Ordinal);
        return Convert.ToHexString(SHA256.HashData(Encoding.ASCII.GetBytes(string.Concat(each))));
    }

    private sealed record Told(byte[] Document, ulong Sequence, string Digest);
}
