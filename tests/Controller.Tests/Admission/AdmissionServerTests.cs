using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Culvert.Controller.Admission;
using Culvert.Tests.Shared;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Tests.Admission;

/// <summary>The server that the API server asks, over the wire.</summary>
public sealed class AdmissionServerTests : IAsyncLifetime
{
    private readonly ConcurrentQueue<string> _lines = [];
    private readonly TempFolder _folder = new(), _other = new();
    private ILoggerFactory _log = null!;
    private ControllerHost _host = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        Directory.CreateDirectory(_folder.File("objects"));
        _log = LoggerFactory.Create(l => l.AddProvider(new LineLogger(_lines, LogLevel.Information)));
        _host = await ControllerHost.StartAsync(Running.Options(_folder) with { Admission = new(new(IPAddress.Loopback, 0)), LoggerFactory = _log, DnsNames = ["localhost"] }, Stop);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        _log.Dispose();
        _folder.Dispose();
        _other.Dispose();
    }

    [Fact]
    public async Task ARefusalHasTheQuestionsUidTheReasonAndIsLoggedWithoutWhoAsked()
    {
        (int status, string body) = await PostAsync(Reviews.Of(Reviews.Workload("", "", "\"10.91.1.1\",\"10.91.1.1\"")));
        Assert.Equal(200, status);
        JsonElement answer = JsonDocument.Parse(body).RootElement, response = answer.GetProperty("response");
        Assert.Equal(("admission.k8s.io/v1", "AdmissionReview"), (answer.GetProperty("apiVersion").GetString(), answer.GetProperty("kind").GetString()));
        Assert.Equal(("705ab4f5-6393-11e8-b7cc-42010a800002", false), (response.GetProperty("uid").GetString(), response.GetProperty("allowed").GetBoolean()));
        Assert.Equal(422, response.GetProperty("status").GetProperty("code").GetInt32());
        Assert.StartsWith("spec.addresses", response.GetProperty("status").GetProperty("message").GetString(), StringComparison.Ordinal);
        string line = Assert.Single(_lines, l => l.StartsWith("CREATE of Workload shop/web is refused: spec.addresses", StringComparison.Ordinal));
        Assert.DoesNotContain("somebody", line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, 200)]
    [InlineData(false, 503)]
    public async Task AKubeletIsToldWhetherAgentsAreServed(bool isReady, int status)
    {
        AdmissionHandler handler = new(() => isReady, () => default, new RefusalLog(_log.CreateLogger<ControllerHost>(), TimeProvider.System));
        DefaultHttpContext context = new() { Request = { Method = "GET", Path = "/ready" } };
        await handler.ServeAsync(context);
        Assert.Equal(status, context.Response.StatusCode);
    }

    [Fact]
    public async Task WhoLeavesSaysSoAndStillAnswers()
    {
        Directory.CreateDirectory(_other.File("objects"));
        await using ControllerHost host = await ControllerHost.StartAsync(
            Running.Options(_other) with { Admission = new(new(IPAddress.Loopback, 0)), LoggerFactory = _log, ShutdownDelay = TimeSpan.FromHours(1) }, Stop);
        Assert.Equal(200, (await SendAsync("GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n", host)).Status);
        using CancellationTokenSource end = new();
        Task leaving = host.LeaveAsync(end.Token);
        Assert.Equal(503, (await SendAsync("GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n", host)).Status);
        string review = Reviews.Of(Reviews.Workload());
        Assert.Equal(200, (await SendAsync($"POST /validate HTTP/1.1\r\nHost: localhost\r\nContent-Length: {review.Length}\r\n\r\n{review}", host)).Status);
        Assert.False(leaving.IsCompleted);
        await end.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving);
    }

    [Fact]
    public async Task WhatIsLetInHasNoStatusAndOnlyWarningsThatThereAre()
    {
        (_, string body) = await PostAsync(Reviews.Of(Reviews.Workload()));
        Assert.Equal("""{"response":{"uid":"705ab4f5-6393-11e8-b7cc-42010a800002","allowed":true},"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}""", body);
        (_, body) = await PostAsync(Reviews.Of(Reviews.Workload("", ""","annotations":{"config.nsm.nginx.com/mtls-mode":"off"} """)));
        Assert.Contains("\"allowed\":true,\"warnings\":[\"metadata.annotations.config.nsm.nginx.com/mtls-mode: off is not supported", body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("""{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}""")]
    [InlineData("""{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","operation":"CREATE","object":{"spec":"\ud800"}}}""")]
    [InlineData("""{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","operation":"CREATE","object":{"\udc00":1}}}""")]
    public async Task WhatIsNoReviewIsABadRequestWithAReason(string text)
    {
        (int status, string body) = await PostAsync(text);
        Assert.Equal(400, status);
        Assert.StartsWith("not a review that can be answered: ", body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET /validate HTTP/1.1\r\n", 404)]
    [InlineData("GET /ready HTTP/1.1\r\n", 200)]
    [InlineData("POST /ready HTTP/1.1\r\nContent-Length: 0\r\n", 404)]
    [InlineData("GET /metrics HTTP/1.1\r\n", 200)]
    [InlineData("POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n", 404)]
    [InlineData("POST / HTTP/1.1\r\nContent-Length: 2\r\n", 404, "{}")]
    [InlineData("POST /validate HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", 411, "0\r\n\r\n")]
    [InlineData("POST /validate HTTP/1.1\r\nContent-Length: 3145729\r\n", 413)]
    [InlineData("POST /validate HTTP/1.1\r\nContent-Length: 99999999999999\r\n", 413)]
    public async Task WhatIsNoQuestionOrTooLongIsNotRead(string head, int expected, string body = "") => Assert.Equal(expected, (await SendAsync($"{head}Host: localhost\r\n\r\n{body}")).Status);

    [Fact]
    public async Task AsMuchAsTwoOfTheLargestObjectsIsRead()
    {
        string item = Reviews.Workload("", $",\"annotations\":{{\"x\":\"{new string('x', 1500 * 1024)}\"}}");
        string review = Reviews.Of(item, item);
        Assert.InRange(review.Length, 2_900_000, AdmissionHandler.LongestReview);
        (int status, string body) = await PostAsync(review);
        Assert.Equal(200, status);
        Assert.Contains("\"allowed\":true", body, StringComparison.Ordinal);
    }

    // Trees of a million mappings took 800 MB, which is more than a controller has.
    [Theory]
    [InlineData("[{\"from\":[", "{}", "]}]")]
    [InlineData("[", "[]", "]")]
    [InlineData("[", "{\"a\":1}", "]")]
    public async Task VeryManyValuesAreRefusedBeforeTreesAreMadeOfThem(string before, string value, string after)
    {
        string rules = before + string.Join(',', Enumerable.Repeat(value, 3_000_000 / (value.Length + 1))) + after;
        string review = Reviews.Of($$"""{"apiVersion":"culvert.dev/v1alpha1","kind":"AuthorizationPolicy","metadata":{"name":"x","namespace":"shop"},"spec":{"action":"ALLOW","rules":{{rules}} } }""");
        Assert.InRange(review.Length, 2_900_000, AdmissionHandler.LongestReview);
        (int status, string body) = await PostAsync(review);
        Assert.Equal(413, status);
        Assert.Contains($"and {AdmissionHandler.MostOfAReview} are allowed", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ALargePolicyWithAsMuchInItAsItsSchemaAllowsIsRead()
    {
        string ports = string.Join(',', Enumerable.Range(0, 256).Select(i => 8000 + i)), to = string.Join(',', Enumerable.Repeat($"{{\"ports\":[{ports}]}}", 64));
        string item = $$"""{"apiVersion":"culvert.dev/v1alpha1","kind":"AuthorizationPolicy","metadata":{"name":"x","namespace":"shop"},"spec":{"action":"ALLOW","rules":[{{string.Join(',', Enumerable.Repeat($"{{\"to\":[{to}]}}", 18))}}]} }""";
        string review = Reviews.Of(item, item);
        Assert.InRange(review.Length, 2_900_000, AdmissionHandler.LongestReview);
        (int status, string body) = await PostAsync(review);
        Assert.Equal(200, status);
        Assert.Contains("\"allowed\":true", body, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task WhoSendsItsBodyTooSlowlyIsNotWaitedFor()
    {
        await using SslStream stream = await ConnectAsync();
        await stream.WriteAsync("POST /validate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n{"u8.ToArray(), Stop);
        Assert.Equal(408, (await ReadAsync(stream)).Status);
    }

    [Fact]
    public async Task WhoSendsLargeBodiesSlowlyIsInNobodysWayWhoSendsThemAtOnce()
    {
        List<SslStream> slow = [];
        try
        {
            for (int i = 0; i < 16; i++)
            {
                SslStream stream = await ConnectAsync(from: IPAddress.Parse("127.0.0.9"));
                slow.Add(stream);
                await stream.WriteAsync(Encoding.UTF8.GetBytes($"POST /validate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n\r\n{new string(' ', 200_000)}"), Stop);
            }

            // They are waited for as long as they send 64 KiB a second: with what was sent for 3 s.
            Task<int>[] answers = [.. slow.Select(s => s.ReadAsync(new byte[1], Stop).AsTask())];
            string review = Reviews.Of(Reviews.Workload("", $",\"annotations\":{{\"x\":\"{new string('x', 100_000)}\"}}"));
            Assert.Equal(200, (await PostAsync(review)).Status);
            Assert.All(answers, a => Assert.False(a.IsCompleted));
        }
        finally
        {
            foreach (SslStream stream in slow) await stream.DisposeAsync();
        }
    }

    // One address, with questions that are as costly as their length allows.
    [Fact]
    public async Task WhoSendsManyCostlyReviewsIsInNobodysWayWhoSendsOrdinaryOnes()
    {
        string costly = Reviews.Of($$"""{"apiVersion":"culvert.dev/v1alpha1","kind":"AuthorizationPolicy","metadata":{"name":"x","namespace":"shop"},"spec":{"action":"ALLOW","rules":[{"from":[{{string.Join(',', Enumerable.Repeat("{}", 21_000))}}]}]} }""");
        Assert.InRange(costly.Length, 60_000, 64 * 1024);
        byte[] request = Encoding.UTF8.GetBytes($"POST /validate HTTP/1.1\r\nHost: localhost\r\nContent-Length: {costly.Length}\r\n\r\n{costly}");
        List<SslStream> many = [];
        try
        {
            for (int i = 0; i < 60; i++) many.Add(await ConnectAsync(from: IPAddress.Parse("127.0.0.7")));
            foreach (SslStream stream in many) await stream.WriteAsync(request, Stop);
            Task<int>[] answers = [.. many.Select(s => s.ReadAsync(new byte[1], Stop).AsTask())];
            Assert.Equal(200, (await PostAsync(Reviews.Of(Reviews.Workload()))).Status);
            Assert.InRange(answers.Count(a => a.IsCompleted), 0, many.Count / 2);
        }
        finally
        {
            foreach (SslStream stream in many) await stream.DisposeAsync();
        }
    }

    [Fact]
    public async Task OfAnAddressOneIsReadAtATimeAndNoneIsKeptOfThoseThatAreGone()
    {
        SourceTurns turns = new();
        IPAddress one = IPAddress.Parse("10.0.0.1");
        using CancellationTokenSource leave = new();
        IDisposable first = await turns.TakeAsync(one, Stop);
        Task<IDisposable> second = turns.TakeAsync(one, leave.Token), third = turns.TakeAsync(one, Stop);
        (await turns.TakeAsync(IPAddress.Parse("10.0.0.2"), Stop)).Dispose();
        Assert.False(second.IsCompleted || third.IsCompleted);
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        first.Dispose();
        (await third).Dispose();
        Assert.Equal(0, turns.Count);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task AFloodOfConnectionsCostsNoHandshakesAndOnlyItsOwnAddress()
    {
        Directory.CreateDirectory(_other.File("objects"));
        ManualTime time = new(TimeProvider.System.GetUtcNow());
        await using ControllerHost host = await ControllerHost.StartAsync(Running.Options(_other) with { Admission = new(new(IPAddress.Loopback, 0)), LoggerFactory = _log, DnsNames = ["localhost"], Time = time }, Stop);
        IPAddress flood = IPAddress.Parse("127.0.0.8");
        for (int i = 0; i < AdmissionServer.Burst; i++) await (await ConnectAsync(host, flood)).DisposeAsync();
        for (int i = 0; i < 20; i++) await RefusedAsync();
        Assert.Equal(200, (await SendAsync("GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n", host)).Status);
        time.Advance(TimeSpan.FromMilliseconds(50));
        for (int i = 0; i < AdmissionServer.MostPerSecond / 20; i++) await (await ConnectAsync(host, flood)).DisposeAsync();
        await RefusedAsync();

        // Closed before a handshake, or reset while it connects.
        async Task RefusedAsync() => Assert.True(await Record.ExceptionAsync(() => ConnectAsync(host, flood)) is IOException or SocketException);
    }

    [Fact]
    public async Task ManyRefusalsAreCountedRatherThanSaid()
    {
        string review = Reviews.Of(Reviews.Workload(",\"color\":1"));
        for (int i = 0; i < 30; i++) Assert.Equal(200, (await PostAsync(review)).Status);
        Assert.Equal(20, _lines.Count(l => l.Contains("is refused", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task TheCertificateIsForTheNameAndOfTheAuthority()
    {
        await using SslStream stream = await ConnectAsync();
        Assert.Equal(SslProtocols.Tls13, stream.SslProtocol);
        var leaf = (X509Certificate2)stream.RemoteCertificate!;
        Assert.True(leaf.MatchesHostname("localhost"));
        Assert.Contains(leaf.Extensions.OfType<X509EnhancedKeyUsageExtension>().Single().EnhancedKeyUsages.Cast<System.Security.Cryptography.Oid>(), o => o.Value == "1.3.6.1.5.5.7.3.1");
    }

    private Task<(int Status, string Body)> PostAsync(string review) => SendAsync($"POST /validate HTTP/1.1\r\nHost: localhost\r\nContent-Length: {Encoding.UTF8.GetByteCount(review)}\r\n\r\n{review}");

    private async Task<(int Status, string Body)> SendAsync(string request, ControllerHost? to = null)
    {
        await using SslStream stream = await ConnectAsync(to);
        await stream.WriteAsync(Encoding.UTF8.GetBytes(request), Stop);
        return await ReadAsync(stream);
    }

    private static async Task<(int Status, string Body)> ReadAsync(SslStream stream)
    {
        // It closes after each answer.
        using StreamReader reader = new(stream, leaveOpen: true);
        string answer = await reader.ReadToEndAsync(Stop);
        string[] parts = answer.Split("\r\n\r\n", 2);
        return (int.Parse(parts[0].Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture), parts[1]);
    }

    private async Task<SslStream> ConnectAsync(ControllerHost? to = null, IPAddress? from = null)
    {
        ControllerHost host = to ?? _host;
        TcpClient client = new(new IPEndPoint(from ?? IPAddress.Loopback, 0));
        await client.ConnectAsync(host.WebhookEndPoint!, Stop);
        SslStream stream = new(client.GetStream());
        X509ChainPolicy policy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        foreach (ReadOnlyMemory<byte> root in host.Authority.Roots) policy.CustomTrustStore.Add(X509CertificateLoader.LoadCertificate(root.Span));
        await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "localhost", CertificateChainPolicy = policy }, Stop);
        return stream;
    }
}
