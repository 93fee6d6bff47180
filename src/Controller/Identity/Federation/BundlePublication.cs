using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Culvert.Protocol;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Identity.Federation;

/// <summary>The mesh's own bundle as other trust domains are told it, from its start to its stop. Its sequence rises with each change of the roots. Safe for any number of threads.</summary>
/// <param name="authority">Whose roots.</param>
/// <param name="sequence">Counts them.</param>
/// <param name="hint">How often others are to ask: more often than a new root is told before it signs.</param>
/// <param name="logger">Where it is said that the bundle has changed.</param>
internal sealed class BundlePublication(ICertificateAuthority authority, IBundleSequence sequence, TimeSpan hint, ILogger logger) : IHostedService
{
    // A third of the time for which a root is told before it signs, so that two questions may fail; and what others take.
    private const double ShareOfActivation = 1.0 / 3;
    private static readonly TimeSpan ShortestHint = TimeSpan.FromMinutes(1), LongestHint = TimeSpan.FromMinutes(5);

    private readonly Lock _lock = new();
    private volatile byte[] _document = [];
    private ulong _number;
    private string _digest = "";

    /// <summary>The bundle in UTF-8; empty: what its sequence is is not known yet. It must not be changed.</summary>
    public ReadOnlyMemory<byte> Document => _document;

    /// <summary>How often others are to ask.</summary>
    /// <param name="activation">How long a new root is told before it signs.</param>
    public static TimeSpan HintFor(TimeSpan activation) => TimeSpan.FromSeconds(Math.Clamp(Math.Floor(activation.TotalSeconds * ShareOfActivation), ShortestHint.TotalSeconds, LongestHint.TotalSeconds));

    /// <summary>Tells the roots of the moment.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        authority.RootsChanged += Update;
        sequence.Known += Update;
        Update();
        return Task.CompletedTask;
    }

    /// <summary>Tells no others.</summary>
    public Task StopAsync(CancellationToken cancellationToken)
    {
        authority.RootsChanged -= Update;
        sequence.Known -= Update;
        return Task.CompletedTask;
    }

    private void Update()
    {
        lock (_lock)
        {
            ImmutableArray<ReadOnlyMemory<byte>> roots = authority.Roots;
            string digest = DigestOf(roots);
            bool isNew = digest != _digest;
            _digest = digest;

            // What was told before stands until then.
            if (sequence.Find(digest, isNew) is not { } number) return;
            _document = new BundleDocument { Roots = roots, Sequence = number, RefreshHint = hint }.Write();
            if (number == _number) return;
            _number = number;
            int untold = roots.Count(r => !BundleDocument.CanTell(r));
            FederationLog.Served(logger, roots.Length - untold, number);
            if (untold > 0) FederationLog.NotTold(logger, untold);
        }
    }

    // Whatever their order: that is no change of the bundle.
    private static string DigestOf(ImmutableArray<ReadOnlyMemory<byte>> roots)
    {
        IEnumerable<string> each = roots.Select(CertificateFingerprint.Of).Order(StringComparer.Ordinal);
        return Convert.ToHexString(SHA256.HashData(Encoding.ASCII.GetBytes(string.Concat(each))));
    }
}
