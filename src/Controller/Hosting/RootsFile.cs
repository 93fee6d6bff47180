using System.Security.Cryptography;
using Culvert.Controller.Files;
using Culvert.Controller.Identity;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Hosting;

/// <summary>The roots in PEM, for people who bring them to new nodes; the mesh does not depend on the file. Kept current from the start to the stop. Safe for any number of threads.</summary>
/// <param name="path">The file.</param>
/// <param name="authority">Whose roots.</param>
/// <param name="logger">Where it is said that the file can't be written.</param>
internal sealed class RootsFile(string path, ICertificateAuthority authority, ILogger logger) : IHostedService
{
    private readonly Lock _lock = new();
    private bool _unwritten;

    /// <summary>The roots of an authority, one after the other.</summary>
    public static string Text(ICertificateAuthority authority) => string.Concat(authority.Roots.Select(r => PemEncoding.WriteString("CERTIFICATE", r.Span) + "\n"));

    /// <summary>Writes the file. Where it can't be written, that is logged.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        Write();
        authority.RootsChanged += Write;
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        authority.RootsChanged -= Write;
        return Task.CompletedTask;
    }

    /// <summary>Writes what could not be written before.</summary>
    public void Retry()
    {
        lock (_lock)
        {
            if (_unwritten) Write();
        }
    }

    /// <summary>One after the other: of two changes at once the roots of the first must not be what the file ends with.</summary>
    private void Write()
    {
        lock (_lock)
        {
            try
            {
                PrivateFiles.Write(path, Text(authority));
                _unwritten = false;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                if (!_unwritten) HostingLog.RootsNotWritten(logger, path, e.Message);
                _unwritten = true;
            }
        }
    }
}
