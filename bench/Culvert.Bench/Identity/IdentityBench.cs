using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using Culvert.Bench.Measuring;
using Culvert.Bench.Scale;
using Culvert.Interop;
using Culvert.Protocol;

namespace Culvert.Bench.Identity;

/// <summary>
/// What the controller's own authority does: how many certificates it signs, compared with signing alone, how long many workloads that come at once wait for their first, and whether memory stays with it for each. The controller is a process
/// of its own; the nodes are simulated. All traffic is on loopback; processes and folder go with the run.
/// </summary>
/// <param name="options">What is wanted, and of how many nodes.</param>
internal sealed class IdentityBench(BenchOptions options)
{
    /// <summary>Begin of the names of its rows.</summary>
    public const string Prefix = "identity.";

    private const double FirstSeconds = 60;

    // The leaves of 10,000 chains alone would be 6 MB in DER, and three times as much as objects or where each is kept with its intermediate.
    private const double MemoryMegabytes = 16;

    // What /proc says of memory is no finer, as each thread counts some pages for itself (Documentation/filesystems/proc.rst).
    private const double LeastMegabytes = 0.5;

    private const string PerMillion = "CPU s per million certificates";
    private const int SigningNode = 0;

    // Both ends of a connection for each node, two while one of its calls finds no room on the first, and what runtimes and folders need.
    private const int FilesOfNode = 4, OtherFiles = 512;

    private static readonly TimeSpan StillFor = TimeSpan.FromSeconds(1), StillWithin = TimeSpan.FromSeconds(15), Sample = TimeSpan.FromMilliseconds(100);

    private static readonly Metric Signing = new(Prefix + "signing", "certificates/s", true, InProcessSigner.Name, 0.5, 0.7);
    private static readonly Metric SigningVsOpenSsl = new(Prefix + "signing_vs_openssl", "certificates/s", true, OpenSslSigner.Name, 1.0, 5);
    private static readonly Metric First = new(Prefix + "first_certificates", "s", false, "budget of 60 s", 1.0, 3);
    private static readonly Metric Memory = new(Prefix + "controller_memory", "MB", false, "budget of 16 MB", 1.0, 1.5);

    private readonly IdentityShape _shape = new(options.IdentityNodes);

    /// <summary>Names of its rows.</summary>
    public static IReadOnlyList<string> Names { get; } = [Signing.Name, SigningVsOpenSsl.Name, Memory.Name, First.Name];

    private IReadOnlyList<Metric> SigningRows => [.. new[] { Signing, SigningVsOpenSsl }.Where(Wanted)];

    /// <summary>Measures what is wanted. Rows that cannot be measured are added with the error.</summary>
    /// <param name="rows">Gets the rows.</param>
    /// <param name="cancellationToken">Ends the run.</param>
    public Task RunAsync(RowCollector rows, CancellationToken cancellationToken)
    {
        // The error of a step that all rows share is told for each row that it has kept from being measured.
        HashSet<Metric> left = [.. new[] { Signing, SigningVsOpenSsl, Memory, First }.Where(Wanted)];
        Task Add(IReadOnlyList<Metric> metrics, Func<Task<IReadOnlyList<Result>>> measure)
        {
            left.ExceptWith(metrics);
            return rows.AddAsync(metrics, measure, cancellationToken);
        }
        return rows.AddAsync(left, async () =>
        {
            await RunAsync(Add, cancellationToken);
            return [];
        }, cancellationToken);
    }

    private bool Wanted(Metric metric) => options.Wants(metric.Name);

    private async Task RunAsync(Func<IReadOnlyList<Metric>, Func<Task<IReadOnlyList<Result>>>, Task> add, CancellationToken cancellationToken)
    {
        long files = OpenFileLimit.Raise(), needed = (_shape.Nodes * FilesOfNode) + OtherFiles;
        if (files < needed) throw new BenchInvalidException($"{_shape.Nodes} nodes need {needed} open files, and this process may have {files}: raise the limit (ulimit -n).");
        DirectoryInfo folder = Directory.CreateTempSubdirectory("culvert-identity-");
        try
        {
            await RunAsync(folder, add, cancellationToken);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private async Task RunAsync(DirectoryInfo folder, Func<IReadOnlyList<Metric>, Func<Task<IReadOnlyList<Result>>>, Task> add, CancellationToken cancellationToken)
    {
        string objects = Path.Combine(folder.FullName, "world"), state = Path.Combine(folder.FullName, "state"), log = Path.Combine(folder.FullName, "log");
        IdentityWorld.Write(objects, _shape);
        IReadOnlyList<SslClientIdentity> identities;
        await using (ScaleController controller = await ScaleController.StartAsync(options.Controller, objects, state, log, cancellationToken))
        {
            identities = await NodeJoin.AllAsync(_shape.Nodes, controller.EndPoint, state, cancellationToken);
            X509Certificate2Collection roots = NodeJoin.Roots(state);
            if (SigningRows.Count > 0) await add(SigningRows, () => CompareAsync(folder, controller, roots, identities[SigningNode], cancellationToken));
            if (Wanted(Memory)) await add([Memory], async () => [Budget.Compare(Memory, MemoryMegabytes, [await GrowthAsync(controller, roots, identities, cancellationToken)])]);
        }
        if (Wanted(First)) await add([First], async () => [Budget.Compare(First, FirstSeconds, [await FirstAsync(objects, state, log, identities, cancellationToken)])]);
    }

    private async Task<IReadOnlyList<Result>> CompareAsync(DirectoryInfo folder, ScaleController controller, X509Certificate2Collection roots, SslClientIdentity identity, CancellationToken cancellationToken)
    {
        await Console.Error.WriteLineAsync($"{Signing.Name}, {SigningVsOpenSsl.Name} ...");
        IReadOnlyList<PreparedRequest> requests = PreparedRequest.OfNode(SigningNode);
        using SomeAuthority authority = SomeAuthority.Create();
        using ControllerSigner ours = new(SigningNode, controller.EndPoint, roots, identity, requests);
        using InProcessSigner alone = new(authority, requests);
        await using OpenSslSigner openSsl = new(folder.CreateSubdirectory("openssl").FullName, authority, requests);
        IReadOnlyList<IReadOnlyList<Reading>> readings = await new SigningRounds(options.Rounds, options.Duration, options.WarmUp).RunAsync([ours, alone, openSsl], requests, cancellationToken);
        return [.. new[] { Compare(Signing, readings[0], readings[1]), Compare(SigningVsOpenSsl, readings[0], readings[2]) }.Where(r => options.Wants(r.Name))];
    }

    private static Result Compare(Metric metric, IReadOnlyList<Reading> ours, IReadOnlyList<Reading> peer)
    {
        Cost cost = new(PerMillion, ours.Sum(r => r.BusySeconds!.Value) / ours.Sum(r => r.Work), peer.Sum(r => r.BusySeconds!.Value) / peer.Sum(r => r.Work));
        return Result.Of(metric, [.. ours.Zip(peer, (a, b) => new Round(a.Values[0], b.Values[0], metric.Ratio(a.Values[0], b.Values[0])))], cost);
    }

    // As many workloads have got theirs before, so that what the controller has more afterwards is what it keeps.
    private static async Task<double> GrowthAsync(ScaleController controller, X509Certificate2Collection roots, IReadOnlyList<SslClientIdentity> identities, CancellationToken cancellationToken)
    {
        await Console.Error.WriteLineAsync($"{Memory.Name} ...");
        await SignBatchAsync(0, controller, roots, identities, cancellationToken);
        double before = await SettledMegabytesAsync(controller, cancellationToken);
        await SignBatchAsync(1, controller, roots, identities, cancellationToken);
        double after = await SettledMegabytesAsync(controller, cancellationToken);
        await Console.Error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{before:0.0} MB before, {after:0.0} MB after"));
        return Math.Max(after - before, LeastMegabytes);
    }

    // One node after the other, whose connections end: those of ten thousand calls at once keep what so many need, in which what is kept of certificates would not show.
    private static async Task SignBatchAsync(int batch, ScaleController controller, X509Certificate2Collection roots, IReadOnlyList<SslClientIdentity> identities, CancellationToken cancellationToken)
    {
        for (int node = 0; node < identities.Count; node++)
        {
            IReadOnlyList<PreparedRequest> requests = PreparedRequest.OfBatch(node, batch);
            using ControllerSigner signer = new(node, controller.EndPoint, roots, identities[node], requests);
            await Task.WhenAll(Enumerable.Range(0, signer.Workers).Select(w => SignAsync(signer, w, requests, cancellationToken)));
        }
    }

    private static async Task SignAsync(ControllerSigner signer, int worker, IReadOnlyList<PreparedRequest> requests, CancellationToken cancellationToken)
    {
        for (int i = worker; i < requests.Count; i += signer.Workers) requests[i].Check(await signer.SignAsync(worker, i, cancellationToken), nameof(ControllerSigner));
    }

    // Of a controller that has just started nothing has been compiled yet.
    private async Task<double> FirstAsync(string objects, string state, string log, IReadOnlyList<SslClientIdentity> identities, CancellationToken cancellationToken)
    {
        await Console.Error.WriteLineAsync($"{First.Name}, {_shape.Nodes} nodes ...");
        await using ScaleController controller = await ScaleController.StartAsync(options.Controller, objects, state, log, cancellationToken);
        await using WorkloadFleet fleet = new(controller.EndPoint, NodeJoin.Roots(state), identities);
        double seconds = await fleet.WantAsync(cancellationToken);
        await Console.Error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{_shape.Batch} certificates in {seconds:0.0} s; {fleet.Failures} calls were made again; at most {controller.PeakMegabytes():0} MB"));
        return seconds;
    }

    /// <summary>What is resident of the controller when that has held still.</summary>
    private static async Task<double> SettledMegabytesAsync(ScaleController controller, CancellationToken cancellationToken)
    {
        long start = TimeProvider.System.GetTimestamp(), since = start;
        double held = controller.ResidentMegabytes();
        while (TimeProvider.System.GetElapsedTime(since) < StillFor && TimeProvider.System.GetElapsedTime(start) < StillWithin)
        {
            await Task.Delay(Sample, cancellationToken);
            double now = controller.ResidentMegabytes();
            if (Math.Abs(now - held) > LeastMegabytes) (held, since) = (now, TimeProvider.System.GetTimestamp());
        }
        return held;
    }
}
