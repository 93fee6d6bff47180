using System.Text;
using Culvert.Bench.Load;
using Culvert.Bench.Measuring;
using Culvert.Bench.Sides;

namespace Culvert.Bench.Http;

/// <summary>The loads of what the mesh reads as HTTP.</summary>
internal static class HttpScenarios
{
    private static readonly H2LoadShape Http2 = new(10, 32, "/", Bytes(Application.Answer).Length);

    private static readonly H2LoadShape Grpc = new(10, 32, GrpcCall.Path, Bytes(GrpcCall.Message).Length)
    {
        Body = Bytes(GrpcCall.Message),
        Headers = [$"content-type: {GrpcCall.ContentType}", "te: trailers"],
    };

    /// <param name="ours">Culvert.</param>
    /// <param name="pair">The nginx pair.</param>
    /// <param name="oursSame">Culvert, server on the client's node, with a policy that has its requests read.</param>
    /// <param name="hop">One nginx in front of such a server.</param>
    /// <param name="pairSame">The nginx pair between pods of one node.</param>
    public static IReadOnlyList<Scenario> All(HttpTargets? ours, HttpTargets pair, Target? oursSame, Target hop, Target pairSame) =>
    [
        new([new("l7.same_node.pair_rps", "requests/s", true, HttpPair.Name, 2, 2.5)], Scenarios.PerMillion, oursSame, pairSame, Scenarios.Requests(new WrkShape(2, 64, CloseEachTime: false))),
        new([new("l7.same_node.rps", "requests/s", true, HttpPair.HopName, 0.9, 1.2)], Scenarios.PerMillion, oursSame, hop, Scenarios.Requests(new WrkShape(2, 64, CloseEachTime: false))),
        new([
                new("l7.cross_node.rps", "requests/s", true, HttpPair.Name, 1.2, 1.6),
                new("l7.cross_node.cpu", Scenarios.PerMillion, false, HttpPair.Name, 1.2, 1.6),
            ],
            Scenarios.PerMillion, ours?.Http1, pair.Http1, WithCpuOfProxies(Scenarios.Requests(new WrkShape(2, 64, CloseEachTime: false)))),
        new([
                new("l7.cross_node.p50", "us", false, HttpPair.Name, 1.0, 1.2),
                new("l7.cross_node.p99", "us", false, HttpPair.Name, 1.0, 1.2),
            ],
            Scenarios.PerMillion, ours?.Http1, pair.Http1, Scenarios.Latency, Scenarios.TailRepeats),
        new([new("l7.h2.rps", "requests/s", true, HttpPair.FrontName, 1.5, 3)], Scenarios.PerMillion, ours?.Http2, pair.Http2, Requests(Http2)),
        new([
                new("l7.grpc.rps", "requests/s", true, HttpPair.GrpcName, 2, 4),
                new("l7.grpc.cpu", Scenarios.PerMillion, false, HttpPair.GrpcName, 2, 4),
            ],
            Scenarios.PerMillion, ours?.Grpc, pair.Grpc, WithCpuOfProxies(Requests(Grpc))),
    ];

    private static byte[] Bytes(string text) => Encoding.ASCII.GetBytes(text);

    // Adds what the processes of the target's proxies spent on the work.
    private static Func<Target, TimeSpan, CancellationToken, Task<Reading>> WithCpuOfProxies(Func<Target, TimeSpan, CancellationToken, Task<Reading>> measure) =>
        async (target, duration, cancellationToken) =>
        {
            double before = target.Proxies.Sum(ProcFile.CpuSeconds);
            Reading reading = await measure(target, duration, cancellationToken);
            return reading with { Values = [.. reading.Values, (target.Proxies.Sum(ProcFile.CpuSeconds) - before) / reading.Work] };
        };

    private static Func<Target, TimeSpan, CancellationToken, Task<Reading>> Requests(H2LoadShape shape) =>
        async (target, duration, cancellationToken) =>
        {
            H2LoadResult result = await H2Load.RunAsync(target, shape, duration, cancellationToken);
            Scenarios.Check(result.Requests, result.Errors, target);

            // A proxy that answers for the application of gRPC says 200 as well, but has no message.
            if (result.BodyBytes < result.Requests * shape.AnswerBytes)
            {
                throw new BenchInvalidException($"{result.Requests} answers of {target.Url} to {target.Client.Namespace} have {result.BodyBytes} bytes; not all are from the application.");
            }
            return new Reading([result.RequestsPerSecond], result.Requests / 1e6);
        };
}
