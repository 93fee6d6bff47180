using System.Collections.Concurrent;
using System.Security.Cryptography;
using Culvert.Controller.Identity.Federation;
using Culvert.Controller.Tests.Identity.Upstream;
using Culvert.Tests.Shared;

namespace Culvert.Controller.Tests.Identity.Federation;

/// <summary>The sequence of the mesh's own bundle.</summary>
public sealed class BundlePublicationTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly ManualTime _time = new();
    private readonly ConcurrentQueue<string> _said = [];
    private readonly CaFiles _first = CaFiles.Make(), _second = CaFiles.Make(), _third = CaFiles.Make(), _odd = CaFiles.Make(key: ECDsa.Create(ECCurve.CreateFromValue("1.3.132.0.33")));
    private readonly ChangingRoots _authority = new();
    private BundlePublication? _started;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private ulong Now => (ulong)_time.GetUtcNow().ToUnixTimeSeconds();

    public void Dispose()
    {
        foreach (CaFiles files in new[] { _first, _second, _third, _odd }) files.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task ItRisesWithTheRootsAndByTheClockWhereItWasLost()
    {
        _authority.Set(_first);
        BundlePublication told = await StartAsync();
        ulong first = Now;
        Assert.Equal(first, SequenceOf(told));

        // Twice within a second, and in another order, which is no change.
        _authority.Set(_first, _second);
        Assert.Equal(first + 1, SequenceOf(told));
        _authority.Set(_second, _first);
        Assert.Equal(first + 1, SequenceOf(told));
        _authority.Set(_second);
        Assert.Equal(first + 2, SequenceOf(told));

        // Over restarts, also with other roots by then, within the same second.
        Assert.Equal(first + 2, SequenceOf(await StartAsync()));
        await _started!.StopAsync(Cancellation);
        _authority.Set(_third);
        Assert.Equal(first + 3, SequenceOf(await StartAsync()));
        _time.Advance(TimeSpan.FromMinutes(1));
        await _started!.StopAsync(Cancellation);
        _authority.Set(_first);
        Assert.Equal(first + 60, SequenceOf(await StartAsync()));

        // What is lost is made up for by the clock.
        File.WriteAllText(_folder.File("sequence"), "nonsense");
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(Now, SequenceOf(await StartAsync()));
        Assert.Contains(_said, l => l.Contains("by the clock it still rises", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ARootWhoseKeyHasNoNameIsNotToldAndThatIsSaid()
    {
        _authority.Set(_first, _odd);
        BundlePublication told = await StartAsync();
        Assert.Equal(_first.Certificate.RawData, Assert.Single(BundleDocument.Read(told.Document).Roots).ToArray());
        Assert.Single(_said, l => l.Contains("1 of the mesh's roots can't be told", StringComparison.Ordinal));
    }

    private static ulong? SequenceOf(BundlePublication told) => BundleDocument.Read(told.Document).Sequence;

    private async Task<BundlePublication> StartAsync()
    {
        LineLogger logger = new(_said);
        BundlePublication started = new(_authority, new FileSequence(_folder.File("sequence"), _time, logger), TimeSpan.FromSeconds(100), logger);
        if (_started is not null) await _started.StopAsync(Cancellation);
        await started.StartAsync(Cancellation);
        return _started = started;
    }
}
