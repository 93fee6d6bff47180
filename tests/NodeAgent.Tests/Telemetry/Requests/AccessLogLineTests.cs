using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Culvert.Core;
using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Tests.Telemetry.Requests;

/// <summary>The lines of the access log, whatever requests say.</summary>
public sealed partial class AccessLogLineTests
{
    [Theory]
    [InlineData(AccessLogFormat.Json)]
    [InlineData(AccessLogFormat.Text)]
    public async Task NoRequestCanEndALineOrSpeakToATerminal(AccessLogFormat format)
    {
        using RequestLab lab = new(RequestLab.All with { Format = format, HasQuery = true, Headers = ["x-note"] });
        byte[] any = [.. Enumerable.Range(0, 256).Select(i => (byte)i)];
        HeaderList request = Request("/").Add("user-agent"u8, any).Add("x-note"u8, any).Add("x-request-id"u8, "\",\"admin\":\"true\r\n[x"u8);
        Send(lab, request, 200);
        await UntilAsync(() => lab.Log.Lines.Length > 0);
        string line = Assert.Single(lab.Log.Lines);
        Assert.DoesNotContain(line, c => c is < ' ' or (>= '\x7f' and < '\xa0'));
        if (format == AccessLogFormat.Text) return;
        JsonElement record = JsonDocument.Parse(line).RootElement;
        Assert.Equal(Encoding.Latin1.GetString(any), record.GetProperty("user_agent").GetString());
        Assert.False(record.TryGetProperty("admin", out _));
    }

    [Fact]
    public async Task EveryPartOfALineOfTextHasItsPlace()
    {
        using RequestLab lab = new(RequestLab.All with { Format = AccessLogFormat.Text, Headers = ["x-note", "x-other"] });
        Send(lab, Request("/a?b=c").Add("user-agent"u8, "a \"b\" \\"u8).Add("x-note"u8, ""u8), 503, "connection_refused", "the server was not reached", GrpcStatus.Unavailable);
        await UntilAsync(() => lab.Log.Lines.Length > 0);
        Assert.Equal(
            "[T] \"GET /a HTTP/1.1\" 503 14 connection_refused \"the server was not reached\" 7 9 12 0 \"a \\x22b\\x22 \\x5c\" - \"shop\" 10.0.0.2:80 10.0.0.1:40000 10.0.0.2:80 source - - - - - - - - x-note=\"\" x-other=-",
            Time().Replace(Assert.Single(lab.Log.Lines), "[T]"));
    }

    [Fact]
    public async Task WhatKeptResponsesHadToDoWithRequestsIsToldAndCounted()
    {
        using RequestLab lab = new(RequestLab.All);
        foreach (CacheResult result in Enum.GetValues<CacheResult>()) Send(lab, Request("/"), 200, cache: result);
        string[] told = [.. (await lab.RecordsAsync(6)).Select(r => r.TryGetProperty("response_cache", out JsonElement result) ? result.GetString()! : "none")];
        Assert.Equal(["none", "hit", "miss", "revalidated", "stale", "bypass"], told);
        string[] series = [.. Metrics(lab).Split('\n').Where(l => l.StartsWith("culvert_http_cache_total{", StringComparison.Ordinal))];
        Assert.Equal(5, series.Length);
        Assert.All(told.Skip(1), result => Assert.Single(series, l => l.Contains($"result=\"{result}\"", StringComparison.Ordinal) && l.EndsWith(" 1", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task LongPartsAreCutOff()
    {
        using RequestLab lab = new(RequestLab.All);
        Send(lab, Request("/" + new string('a', 10_000)).Add("user-agent"u8, new byte[5000]), 200);
        JsonElement record = (await lab.RecordsAsync(1))[0];
        Assert.Equal((2048, 256), (record.GetProperty("path").GetString()!.Length, record.GetProperty("user_agent").GetString()!.Length));
    }

    [Theory]
    [InlineData(AccessLogMode.Disabled, 100, false, 0, 0)]
    [InlineData(AccessLogMode.Errors, 100, false, 0, 100)]
    [InlineData(AccessLogMode.Errors, 0, true, 0, 0)]
    [InlineData(AccessLogMode.All, 100, false, 100, 100)]
    [InlineData(AccessLogMode.All, 0, false, 0, 100)]
    [InlineData(AccessLogMode.All, 0, true, 0, 0)]
    public async Task ModeAndSharesSayWhichRequestsAreWritten(AccessLogMode mode, double percent, bool samplesErrors, int good, int failed)
    {
        using RequestLab lab = new(new AccessLogSettings { Mode = mode, SamplingPercent = percent, SamplesErrors = samplesErrors });
        for (int i = 0; i < 100; i++)
        {
            Send(lab, Request("/"), 404);
            Send(lab, Request("/"), 500);
        }

        JsonElement[] records = await lab.RecordsAsync(good + failed);
        Assert.Equal((good, failed), (records.Count(r => r.GetProperty("response_code").GetInt32() == 404), records.Count(r => r.GetProperty("response_code").GetInt32() == 500)));
    }

    [Fact]
    public async Task CallsOfGrpcThatFailAreErrorsAndHaveTheirStatus()
    {
        using RequestLab lab = new(new AccessLogSettings { Mode = AccessLogMode.Errors });
        foreach (GrpcStatus status in Enum.GetValues<GrpcStatus>()) Send(lab, Request("/"), 200, grpc: status);
        JsonElement[] records = await lab.RecordsAsync(6);
        Assert.Equal([2, 4, 12, 13, 14, 15], records.Select(r => r.GetProperty("grpc_status").GetInt32()));
    }

    [Fact]
    public async Task ThereIsNoStatusOfGrpcWhereThereIsNone()
    {
        using RequestLab lab = new(RequestLab.All);
        Send(lab, Request("/"), 200);
        Send(lab, Request("/"), 200, grpc: GrpcStatus.None);
        Send(lab, Request("/"), 200, grpc: GrpcStatus.Ok);
        Assert.Equal([false, false, true], (await lab.RecordsAsync(3)).Select(r => r.TryGetProperty("grpc_status", out _)));
        Assert.Equal(
            [("", 1), ("0", 1), ("unknown", 1)],
            Metrics(lab).Split('\n').Where(l => l.StartsWith("culvert_http_requests_total{", StringComparison.Ordinal)).Select(l => (l[(l.IndexOf("grpc_status=\"", StringComparison.Ordinal) + 13)..l.LastIndexOf('"')], int.Parse(l[^1..], null))).Order());
    }

    [Fact]
    public void AShareIsDrawn()
    {
        RequestLab lab = new(RequestLab.All with { SamplingPercent = 25 });
        using (lab)
        {
            for (int i = 0; i < 2000; i++) Send(lab, Request("/"), 200);
        }

        Assert.InRange(lab.Log.Lines.Length, 400, 600); // five times the deviation
    }

    [Fact]
    public void WhatDoesNotFitIsCounted()
    {
        RequestLab lab = new(RequestLab.All);
        using (lab)
        {
            lab.Log.Gate.Enter();
            try
            {
                for (int i = 0; i < 20_000; i++) Send(lab, Request("/"), 200);
            }
            finally
            {
                lab.Log.Gate.Exit();
            }
        }

        string metrics = Metrics(lab);
        long lost = Value(metrics, "culvert_access_log_lost_total{reason=\"queue-full\"}");
        Assert.True(lost > 0);
        Assert.Equal(20_000, lost + lab.Log.Lines.Length);
        Assert.Equal(lab.Log.Lines.Length, Value(metrics, "culvert_access_log_lines_total"));
    }

    [Fact]
    public void LinesThatCouldNotBeWrittenAreCounted()
    {
        RequestLab lab = new(RequestLab.All);
        using (lab)
        {
            lab.Log.Fails = true;
            Send(lab, Request("/"), 200);
        }

        Assert.Equal(1, Value(Metrics(lab), "culvert_access_log_lost_total{reason=\"write-failed\"}"));
    }

    private static HeaderList Request(string path) => new HeaderList().Add(":method"u8, "GET"u8).Add(":path"u8, Encoding.ASCII.GetBytes(path)).Add(":authority"u8, "shop"u8);

    private static void Send(RequestLab lab, HeaderList request, int status, string? error = null, string? details = null, GrpcStatus grpc = GrpcStatus.NoCall, CacheResult cache = CacheResult.None)
    {
        IRequestObserver observer = lab.Observe(new ProxyConnectionInfo
        {
            Source = new SocketEndPoint(IPAddress.Parse("10.0.0.1"), 40_000),
            Destination = new SocketEndPoint(IPAddress.Parse("10.0.0.2"), 80),
            Target = new SocketEndPoint(IPAddress.Parse("10.0.0.2"), 80),
        });
        IRequestRecord? record = observer.Begin(request, HttpProtocol.Http11, 0);
        record?.Details = details;
        record?.OnBodies(7, 9);
        observer.OnRequestEnded(new RequestEnd(status, TimeSpan.FromMilliseconds(12.9), error, grpc) { Cache = cache }, record);
    }

    private static async Task UntilAsync(Func<bool> isSo)
    {
        for (int i = 0; i < 500 && !isSo(); i++) await Task.Delay(10);
        Assert.True(isSo());
    }

    private static string Metrics(RequestLab lab) => lab.Registry.Render(openMetrics: false);

    private static long Value(string metrics, string series) => long.Parse(metrics.Split('\n').Single(l => l.StartsWith(series + " ", StringComparison.Ordinal)).Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^\[[^\]]*\]")]
    private static partial Regex Time();
}
