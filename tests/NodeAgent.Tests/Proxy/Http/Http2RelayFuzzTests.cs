using System.Globalization;
using Culvert.Http2;
using Culvert.NodeAgent.Tests.Proxy.Transport;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>Many requests of one connection at once, of random sizes and in random pieces, some of which either side gives up.</summary>
public sealed class Http2RelayFuzzTests
{
    private const int Rounds = 200, AtOnce = 24, LongestBody = 3000;

    [Theory]
    [InlineData(1, TransportKind.Socket, TransportKind.Socket)]
    [InlineData(2, TransportKind.Socket, TransportKind.Stream)]
    [InlineData(3, TransportKind.Stream, TransportKind.Socket)]
    public async Task EveryRequestGetsItsOwnAnswerOrIsGivenUp(int seed, TransportKind client, TransportKind server)
    {
        // Fewer streams than requests, so that some wait for one.
        await using Http2Lab lab = await Http2Lab.StartAsync(client, server, new Http2Options { MaxConcurrentStreams = 10, StreamWindow = 1000 });
        await lab.ExchangeAsync();
        using CancellationTokenSource stop = new();
        Task serving = ServeAsync(lab, seed, stop.Token);
        int answered = 0;
        await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(async lane =>
        {
            Random random = new((seed * 1000) + lane);
            for (int round = 0; round < Rounds; round++)
            {
                if (await AskAsync(lab, random, $"{lane}.{round}")) Interlocked.Increment(ref answered);
            }
        }));
        await stop.CancelAsync();
        await serving;
        Assert.InRange(answered, AtOnce * Rounds / 2, (AtOnce * Rounds) - 1);
        await SocketExtensions.EventuallyAsync(() => lab.Mesh.Requests.Count == 1 + (AtOnce * Rounds));
    }

    // Whether it was answered.
    private static async Task<bool> AskAsync(Http2Lab lab, Random random, string name)
    {
        string body = BodyOf(random, name);
        bool isGivenUp = random.Next(10) == 0, hasTrailers = random.Next(2) == 0, isEmpty = body.Length == 0;
        FarStream stream = await lab.Client.AskAsync($"{Http2Lab.Post}\nname {name}", end: isEmpty && !hasTrailers && !isGivenUp);
        for (int at = 0; at < body.Length && !isGivenUp;)
        {
            int length = Math.Min(random.Next(1, 700), body.Length - at);
            at += length;
            await stream.SendAsync(body.Substring(at - length, length), end: at == body.Length && !hasTrailers);
        }

        if (isGivenUp) await stream.ResetAsync(Http2ErrorCode.Cancel);
        else if (hasTrailers) await stream.SayAsync($"of {name}", end: true);
        if (isGivenUp) return false;
        string head = await stream.NextAsync();
        if (head.StartsWith("(reset", StringComparison.Ordinal)) return false;
        Assert.StartsWith($":status 200\nname {name}", head, StringComparison.Ordinal);
        string rest = "";
        while (!rest.EndsWith("(end)", StringComparison.Ordinal) && !head.EndsWith("(end)", StringComparison.Ordinal))
        {
            string next = await stream.NextAsync();
            if (next.StartsWith("(reset", StringComparison.Ordinal)) return false;
            rest += next;
        }

        Assert.Equal(isEmpty ? "" : body, rest.Replace("(end)", "", StringComparison.Ordinal).Replace("sum 1\n", "", StringComparison.Ordinal));
        return true;
    }

    private static async Task ServeAsync(Http2Lab lab, int seed, CancellationToken stop)
    {
        List<Task> answers = [];
        for (int i = 0; !stop.IsCancellationRequested; i++)
        {
            Task<FarStream> request = lab.Server.RequestAsync();
            if (await Task.WhenAny(request, Task.Delay(Timeout.Infinite, stop)) != request) break;
            answers.Add(AnswerAsync(await request, new Random((seed * 7919) + i)));
        }

        await Task.WhenAll(answers);
    }

    private static async Task AnswerAsync(FarStream stream, Random random)
    {
        string head = await stream.NextAsync(), name = head.Split('\n')[4]["name ".Length..], body = "";
        for (string last = head; !last.EndsWith("(end)", StringComparison.Ordinal);)
        {
            last = await stream.NextAsync();
            if (last.StartsWith("(reset", StringComparison.Ordinal)) return;
            if (last != "(end)" && !last.StartsWith("of ", StringComparison.Ordinal)) body += last;
        }

        if (random.Next(12) == 0)
        {
            await stream.ResetAsync(Http2ErrorCode.InternalError);
            return;
        }

        bool hasTrailers = random.Next(2) == 0;
        await stream.SayAsync($":status 200\nname {name}", end: body.Length == 0 && !hasTrailers);
        if (random.Next(12) == 0 && (body.Length > 0 || hasTrailers))
        {
            await stream.ResetAsync(Http2ErrorCode.Cancel);
            return;
        }

        if (body.Length > 0) await stream.SendAsync(body, end: !hasTrailers);
        if (hasTrailers) await stream.SayAsync("sum 1", end: true);
    }

    private static string BodyOf(Random random, string name)
    {
        int length = random.Next(4) == 0 ? 0 : random.Next(1, LongestBody);
        string part = string.Create(CultureInfo.InvariantCulture, $"[{name}]");
        return string.Concat(Enumerable.Repeat(part, (length / part.Length) + 1))[..length];
    }
}
