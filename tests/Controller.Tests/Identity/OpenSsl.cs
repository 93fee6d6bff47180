using System.Collections.Immutable;
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

    /// <summary>Makes sure that openssl takes a chain: leaf first, without the root.</summary>
    /// <param name="folder">Where it may write.</param>
    /// <param name="roots">What is trusted.</param>
    /// <param name="chain">The chain.</param>
    public static async Task VerifyAsync(TempFolder folder, IEnumerable<ReadOnlyMemory<byte>> roots, ImmutableArray<ReadOnlyMemory<byte>> chain)
    {
        WritePem(folder.File("roots"), roots);
        WritePem(folder.File("leaf"), chain[0]);
        WritePem(folder.File("above"), chain.Skip(1));
        (int code, string output) = await RunAsync("verify", "-x509_strict", "-CAfile", folder.File("roots"), "-untrusted", folder.File("above"), folder.File("leaf"));
        Assert.True(code == 0, output);
    }

    public static void WritePem(string path, params IEnumerable<ReadOnlyMemory<byte>> certificates) =>
        File.WriteAllText(path, string.Concat(certificates.Select(c => PemEncoding.WriteString("CERTIFICATE", c.Span) + "\n")));
}
