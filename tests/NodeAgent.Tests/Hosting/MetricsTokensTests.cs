using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Culvert.Core;
using Culvert.Hosting;
using Culvert.NodeAgent.Hosting;
using Culvert.NodeAgent.Options;
using Culvert.NodeAgent.Telemetry.Metrics;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Tests.Hosting;

/// <summary>Metrics for those who have a bearer token.</summary>
[Trait("Category", "Attack")]
public sealed class MetricsTokensTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();
    private readonly HttpClient _client = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task AttackMetricsWithoutTheTokenAndWithAnother()
    {
        await File.WriteAllTextAsync(_file, "first\n\n second \n", Cancel);
        IPEndPoint at = FreeEndPoint();
        WebServer server = HttpEndpoints.Serve(
            [at], [at], new ProbeSources([new IpPrefix(IPAddress.Loopback, 8)], () => throw new InvalidOperationException("the source is allowed"), () => throw new InvalidOperationException("the source is allowed")),
            MetricsTokens.Open(_file, NullLogger.Instance), new MetricRegistry(), new HealthState(), TimeProvider.System, NullLoggerFactory.Instance);
        await server.StartAsync(Cancel);
        try
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(at, null));
            Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(at, new("Bearer", "firs")));
            Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(at, new("Bearer", "first\tsecond")));
            Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(at, new("Bearer")));
            Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(at, new("Basic", "first")));
            Assert.Equal(HttpStatusCode.OK, await AskAsync(at, new("Bearer", "first")));
            Assert.Equal(HttpStatusCode.OK, await AskAsync(at, new("bearer", "second")));

            // A probe needs none.
            Assert.Equal("ready\n", await _client.GetStringAsync($"http://{at}/ready", Cancel));

            // Changed without a restart; and without a file nobody is told.
            await File.WriteAllTextAsync(_file, "third", Cancel);
            Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(at, new("Bearer", "first")));
            Assert.Equal(HttpStatusCode.OK, await AskAsync(at, new("Bearer", "third")));
            File.Delete(_file);
            Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(at, new("Bearer", "third")));
            Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(at, new("Bearer")));
        }
        finally
        {
            await server.StopAsync(Cancel);
        }
    }

    [Theory, InlineData(""), InlineData(" \n\n"), InlineData(null)]
    public void AFileWithoutATokenIsRefusedAtTheStart(string? content)
    {
        if (content is null) File.Delete(_file);
        else File.WriteAllText(_file, content);
        AgentStartException error = Assert.Throws<AgentStartException>(() => MetricsTokens.Open(_file, NullLogger.Instance));
        Assert.Contains($"--metrics-token-file {_file}", error.Message, StringComparison.Ordinal);
    }

    [Theory, InlineData("/dev/zero"), InlineData("/")]
    public void AttackWhatIsNoFileIsRefusedAndNobodyWaitsForIt(string path) => Assert.Throws<AgentStartException>(() => MetricsTokens.Open(path, NullLogger.Instance));

    [Fact]
    public void AFileThatIsTooLargeIsRefused()
    {
        File.WriteAllText(_file, new string('a', (64 << 10) + 1));
        Assert.Contains("more than 64 KiB", Assert.Throws<AgentStartException>(() => MetricsTokens.Open(_file, NullLogger.Instance)).Message, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _client.Dispose();
        File.Delete(_file);
    }

    private async Task<HttpStatusCode> AskAsync(IPEndPoint at, AuthenticationHeaderValue? authorization)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, $"http://{at}/metrics");
        if (authorization is not null) request.Headers.TryAddWithoutValidation("Authorization", authorization.ToString());
        using HttpResponseMessage response = await _client.SendAsync(request, Cancel);
        return response.StatusCode;
    }

    private static IPEndPoint FreeEndPoint()
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return (IPEndPoint)socket.LocalEndPoint!;
    }
}
