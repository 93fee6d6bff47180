using System.Diagnostics;
using System.Net;

namespace Culvert.Http2.Tests.Interop;

/// <summary>The server role against other people's clients.</summary>
public sealed class ServerInteropTests
{
    [Fact]
    public async Task HttpClientDownloadsUploadsAndSeesTrailers()
    {
        using var server = new TestServer();
        using var client = Client();
        var url = $"http://127.0.0.1:{server.Port}";
        var expected = new byte[8_000_000];
        new Random(1).NextBytes(expected);
        Assert.Equal(expected, await client.GetByteArrayAsync(url + "/bytes/8000000"));

        using var response = await client.PostAsync(url + "/echo", new ByteArrayContent(expected));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(expected, await response.Content.ReadAsByteArrayAsync());
        Assert.Equal(["done"], response.TrailingHeaders.GetValues("x-trailer"));
        Assert.Equal(["POST"], response.Headers.GetValues("x-method"));
    }

    [Fact]
    public async Task HttpClientManyAtOnceWithCancellations()
    {
        using var server = new TestServer();
        using var client = Client();
        var url = $"http://127.0.0.1:{server.Port}";
        await Parallel.ForAsync(0, 2_000, new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (i, cancel) =>
        {
            if (i % 20 == 0)
            {
                using var message = new HttpRequestMessage(HttpMethod.Get, url + "/bytes/3000000") { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
                using var partial = await client.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, cancel);
                Assert.Equal(HttpStatusCode.OK, partial.StatusCode);
            }
            else
            {
                Assert.Equal(i, (await client.GetByteArrayAsync($"{url}/bytes/{i}", cancel)).Length);
            }
        });
    }

    [Fact]
    public void Curl()
    {
        using var server = new TestServer();
        var text = RunTool("curl", $"-sS --max-time 30 --http2-prior-knowledge -d hello=world -w |%{{http_version}}|%{{http_code}} http://127.0.0.1:{server.Port}/echo");
        Assert.Equal("hello=world|2|200", text);
        text = RunTool("curl", $"-sS --max-time 30 --http2-prior-knowledge -o /dev/null -w %{{size_download}} http://127.0.0.1:{server.Port}/bytes/20000000");
        Assert.Equal("20000000", text);
    }

    [Fact]
    public void Nghttp()
    {
        using var server = new TestServer();
        var text = RunTool("nghttp", $"-nv -m 20 --no-dep http://127.0.0.1:{server.Port}/bytes/300000");
        Assert.Equal(20, text.Split(":status: 200").Length - 1);
        Assert.Contains("x-trailer: done", text, StringComparison.Ordinal);
        Assert.DoesNotContain("PROTOCOL_ERROR", text, StringComparison.Ordinal);
    }

    [Fact]
    public void H2load()
    {
        using var server = new TestServer();
        var text = RunTool("h2load", $"-n 20000 -c 4 -m 50 http://127.0.0.1:{server.Port}/bytes/1000");
        Assert.Contains("20000 succeeded, 0 failed, 0 errored", text, StringComparison.Ordinal);
    }

    private static HttpClient Client() => new(new SocketsHttpHandler { UseProxy = false })
    {
        DefaultRequestVersion = HttpVersion.Version20,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        Timeout = TimeSpan.FromSeconds(60),
    };

    private static string RunTool(string tool, string arguments)
    {
        var found = Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(folder => File.Exists(Path.Combine(folder, tool)));
        if (!found) Assert.Skip($"{tool} is not installed");
        using var process = Process.Start(new ProcessStartInfo(tool, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync();
        var text = process.StandardOutput.ReadToEnd();
        if (!process.WaitForExit(TimeSpan.FromSeconds(60)))
        {
            process.Kill();
            Assert.Fail($"{tool} did not end");
        }

        Assert.True(process.ExitCode == 0, $"{tool}: {errors.Result}\n{text}");
        return text;
    }
}
