using System.Net.Sockets;
using System.Text;
using Culvert.Cni;
using Culvert.Hosting;
using Culvert.NodeAgent.Cni;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Hosting;
using Culvert.NodeAgent.Options;
using Culvert.NodeAgent.Telemetry;
using Culvert.NodeAgent.Telemetry.Metrics;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Tests.Cni;

/// <summary>The socket that the plugin asks.</summary>
public sealed class CniServerTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("culvert-cni").FullName;
    private readonly SnapshotApplier _applier = new();
    private readonly AgentOptions _options;
    private readonly WebServer _server;

    public CniServerTests()
    {
        _options = new AgentOptions { RunFolder = _folder };
        PodAttachments attachments = new(_folder, TimeProvider.System, NullLogger.Instance);
        _server = CniServer.Serve(_options, new CniCommands(new CniMesh(_applier, new DatapathState()), attachments, _ => null, new AgentMetrics(new MetricRegistry()).CniCalls, TimeProvider.System, NullLogger.Instance), NullLoggerFactory.Instance);
    }

    public async ValueTask InitializeAsync() => await _server.StartAsync(default);

    public async ValueTask DisposeAsync()
    {
        await _server.StopAsync(default);
        _applier.Dispose();
        Assert.False(File.Exists(_options.CniSocket));
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task OnlyItsOwnerCanAsk()
    {
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_options.CniSocket));
        Assert.Contains("\"code\":0", await AskAsync("POST /cni", "{\"command\":4}"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET /cni", "", "HTTP/1.1 404")]
    [InlineData("POST /other", "{}", "HTTP/1.1 404")]
    [InlineData("POST /cni", "{}", "\"code\":6")]
    [InlineData("POST /cni", "{\"command\":4,\"waitMs\":-1}", "waitMs: ")]
    [InlineData("POST /cni", "\0\0", "\"code\":6")]
    public async Task WhatIsNoCallIsRefused(string line, string body, string expected) => Assert.Contains(expected, await AskAsync(line, body), StringComparison.Ordinal);

    [Fact]
    public async Task ALongRequestIsRefusedBeforeItIsRead()
    {
        string head = $"POST /cni HTTP/1.1\r\nHost: x\r\nContent-Length: {CniRequest.LongestForm + 1}\r\n\r\n";
        Assert.StartsWith("HTTP/1.1 413", await SendAsync(head), StringComparison.Ordinal);
    }

    [Fact]
    public async Task RandomBytesAreRefusedAndTheNextCallIsServed()
    {
        Random random = new(4711);
        for (int i = 0; i < 200; i++)
        {
            byte[] bytes = new byte[random.Next(1, 300)];
            random.NextBytes(bytes);
            await AskAsync("POST /cni", Encoding.Latin1.GetString(bytes));
        }
        Assert.Contains("\"code\":0", await AskAsync("POST /cni", "{\"command\":4}"), StringComparison.Ordinal);
    }

    private Task<string> AskAsync(string line, string body) => SendAsync($"{line} HTTP/1.1\r\nHost: culvert\r\nContent-Length: {Encoding.Latin1.GetByteCount(body)}\r\nConnection: close\r\n\r\n{body}");

    private async Task<string> SendAsync(string request)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(20));
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(_options.CniSocket), limit.Token);
        await socket.SendAsync(Encoding.Latin1.GetBytes(request), limit.Token);
        StringBuilder answer = new();
        byte[] bytes = new byte[4096];
        try
        {
            for (int read; (read = await socket.ReceiveAsync(bytes, limit.Token)) > 0;) answer.Append(Encoding.Latin1.GetString(bytes, 0, read));
        }
        catch (SocketException)
        {
            // Reset after the answer: not all that was sent was read.
        }
        return answer.ToString();
    }
}
