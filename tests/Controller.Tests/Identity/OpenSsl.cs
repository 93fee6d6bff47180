using System.Diagnostics;
using System.Security.Cryptography;

namespace Culvert.Controller.Tests;

/// <summary>The openssl program, as somebody who was not there when the certificates were made.</summary>
internal static class OpenSsl
{
    public static async Task<(int Code, string Output)> RunAsync(params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo("openssl", arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true })!;
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output + await error);
    }

    public static void WritePem(string path, params IEnumerable<ReadOnlyMemory<byte>> certificates) =>
        File.WriteAllText(path, string.Concat(certificates.Select(c => PemEncoding.WriteString("CERTIFICATE", c.Span) + "\n")));
}
