using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Culvert.Bench.Measuring;
using Culvert.Core;

namespace Culvert.Bench.Identity;

/// <summary>
/// <c>openssl x509 -req</c>, once for each certificate, as scripts do it: a shell for each core, which is told by a line what to sign next. It checks the request's signature and writes the extensions that the controller writes.
/// The shells end with the bench, which holds their input.
/// </summary>
internal sealed class OpenSslSigner : ISigner, IAsyncDisposable
{
    /// <summary>Its name in the results.</summary>
    public const string Name = "openssl x509 -req in a loop, one a core";

    private const int SerialLength = 16;
    private const string Failed = "failed";
    private const string Loop = """
        cd "$1" || exit 1
        while read -r n serial; do
            if openssl x509 -req -inform DER -in "$n.csr" -CA authority.pem -CAkey authority.key -set_serial "0x$serial" -days "$2" -sha256 -extfile "$n.ext" -outform DER -out "worker-$3.der" </dev/null 2>>log
            then echo "$n"
            else echo failed
            fi
        done
        """;

    private readonly string _folder;
    private readonly Process[] _shells;

    /// <summary>Starts the shells.</summary>
    /// <param name="folder">An empty folder for requests and certificates.</param>
    /// <param name="authority">Who signs.</param>
    /// <param name="requests">What is to be signed.</param>
    public OpenSslSigner(string folder, SomeAuthority authority, IReadOnlyList<PreparedRequest> requests)
    {
        _folder = folder;
        File.WriteAllText(Path.Combine(folder, "authority.pem"), authority.Certificate.ExportCertificatePem());
        File.WriteAllText(Path.Combine(folder, "authority.key"), authority.Key.ExportPkcs8PrivateKeyPem());
        for (int i = 0; i < requests.Count; i++)
        {
            File.WriteAllBytes(FileOf(i, "csr"), requests[i].Csr);
            File.WriteAllText(FileOf(i, "ext"), Extensions(requests[i].Identity));
        }
        string days = MeshSettingsDefaults.CertificateLifetime.TotalDays.ToString("0", CultureInfo.InvariantCulture);
        _shells = [.. Enumerable.Range(0, Environment.ProcessorCount).Select(w => Process.Start(new ProcessStartInfo("sh", ["-c", Loop, "sh", folder, days, w.ToString(CultureInfo.InvariantCulture)])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!)];
    }

    public int Workers => _shells.Length;

    public async ValueTask<ReadOnlyMemory<byte>> SignAsync(int worker, int request, CancellationToken cancellationToken)
    {
        Process shell = _shells[worker];
        string serial = RandomNumberGenerator.GetHexString(2 * SerialLength, lowercase: true);
        await shell.StandardInput.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{request} 4{serial[1..]}").AsMemory(), cancellationToken); // never negative, as the controller's
        await shell.StandardInput.FlushAsync(cancellationToken);
        if (await shell.StandardOutput.ReadLineAsync(cancellationToken) is null or Failed) throw new BenchInvalidException($"openssl did not sign: {LogTail()}");
        return await File.ReadAllBytesAsync(Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"worker-{worker}.der")), cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (Process shell in _shells)
        {
            shell.StandardInput.Close();
            await shell.WaitForExitAsync();
            shell.Dispose();
        }
    }

    private static string Extensions(SpiffeId identity) => $"""
        subjectAltName=critical,URI:{identity}
        basicConstraints=critical,CA:FALSE
        keyUsage=critical,digitalSignature
        extendedKeyUsage=serverAuth,clientAuth
        subjectKeyIdentifier=hash
        authorityKeyIdentifier=keyid

        """;

    private string FileOf(int request, string kind) => Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"{request}.{kind}"));

    private string LogTail() => Path.Combine(_folder, "log") is var log && File.Exists(log) ? string.Join('\n', File.ReadLines(log).TakeLast(5)) : "";
}
