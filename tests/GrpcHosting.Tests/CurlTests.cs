using System.Diagnostics;

namespace Culvert.GrpcHosting.Tests;

/// <summary>A client that shares no code with the server: curl, over HTTP/2 with prior knowledge and over a Unix socket.</summary>
public sealed class CurlTests
{
    [Theory(Timeout = 30_000)]
    [InlineData(Transport.Clear)]
    [InlineData(Transport.Unix)]
    public async Task CurlGetsMessageAndTrailers(Transport transport)
    {
        string[] folders = (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(':');
        Assert.SkipUnless(folders.Any(folder => File.Exists(Path.Combine(folder, "curl"))), "needs curl");
        await using TestServer server = await TestServer.StartAsync(Echo.Definition(), transport);
        ProcessStartInfo start = new("curl")
        {
            ArgumentList =
            {
                "--silent", "--show-error", "--max-time", "10", "--http2-prior-knowledge", "--include", "--data-binary", "@-",
                "--header", "content-type: application/grpc", "--header", "te: trailers",
            },
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (transport == Transport.Unix)
        {
            start.ArgumentList.Add("--unix-socket");
            start.ArgumentList.Add(server.SocketPath);
        }

        start.ArgumentList.Add((transport == Transport.Unix ? "http://localhost" : server.Address.GetLeftPart(UriPartial.Authority)) + Echo.Unary.FullName);
        using Process curl = Process.Start(start)!;
        await curl.StandardInput.BaseStream.WriteAsync(RawClient.Frame([0x0a, 1, (byte)'a']));
        curl.StandardInput.Close();
        Task<string> error = curl.StandardError.ReadToEndAsync();
        string output = await curl.StandardOutput.ReadToEndAsync();
        await curl.WaitForExitAsync();

        Assert.True(curl.ExitCode == 0, await error);
        Assert.StartsWith("HTTP/2 200", output, StringComparison.Ordinal);
        Assert.Contains("content-type: application/grpc\r\n", output, StringComparison.Ordinal);
        Assert.Contains("\0\0\0\0\b\n\u0006echo:a", output, StringComparison.Ordinal);
        Assert.EndsWith("grpc-status: 0\r\n", output.TrimEnd() + "\r\n", StringComparison.Ordinal);
    }
}
