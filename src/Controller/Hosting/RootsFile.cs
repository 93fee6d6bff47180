using System.Security.Cryptography;
using Culvert.Controller.Files;
using Culvert.Controller.Identity;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Hosting;

/// <summary>The roots in PEM, for people who bring them to new nodes; the mesh does not depend on the file. Kept current until it is disposed of. Safe for any number of threads.</summary>
internal sealed class RootsFile : IDisposable
{
    private readonly string _path;
    private readonly ICertificateAuthority _authority;
    private readonly ILogger _logger;
    private volatile bool _unwritten;

    /// <summary>Writes the file. Where it can't be written, that is logged.</summary>
    public RootsFile(string path, ICertificateAuthority authority, ILogger logger)
    {
        (_path, _authority, _logger) = (path, authority, logger);
        Write();
        authority.RootsChanged += Write;
    }

    /// <summary>Writes what could not be written before.</summary>
    public void Retry()
    {
        if (_unwritten) Write();
    }

    public void Dispose() => _authority.RootsChanged -= Write;

    private void Write()
    {
        try
        {
            PrivateFiles.Write(_path, string.Concat(_authority.Roots.Select(r => PemEncoding.WriteString("CERTIFICATE", r.Span) + "\n")));
            _unwritten = false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (!_unwritten) HostingLog.RootsNotWritten(_logger, _path, e.Message);
            _unwritten = true;
        }
    }
}
