using Culvert.Controller.Files;
using Culvert.Controller.Identity.BuiltIn;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Hosting;

/// <summary>A command's wishes to have roots removed: a file for each beside the roots, which the controller of the folder takes away when it has been done.</summary>
internal sealed class RootRemoval(string authorityFolder)
{
    /// <summary>What the files' names end with.</summary>
    public const string Suffix = ".remove.asked";

    private string? _lastFailure;

    /// <summary>Whether it was asked for and not done yet.</summary>
    public bool IsAsked(string id) => File.Exists(PathOf(id));

    /// <summary>Asks for it.</summary>
    /// <exception cref="IOException">It can't be written.</exception>
    public void Ask(string id) => PrivateFiles.Write(PathOf(id), "");

    /// <summary>Does what was asked for, if anything was. What fails for the disk's sake is tried again with the next call.</summary>
    public async Task DoIfAskedAsync(BuiltInCertificateAuthority authority, ILogger logger, CancellationToken cancellationToken)
    {
        try
        {
            foreach (string file in Directory.EnumerateFiles(authorityFolder, "*" + Suffix).ToArray())
            {
                string id = Path.GetFileName(file)[..^Suffix.Length];
                try
                {
                    await authority.RemoveRootAsync(id, cancellationToken);
                }
                catch (InvalidOperationException e)
                {
                    HostingLog.NotRemoved(logger, id, e.Message);
                }
                File.Delete(file);
            }
            _lastFailure = null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (_lastFailure != e.Message) HostingLog.RemovalFailed(logger, e.Message);
            _lastFailure = e.Message;
        }
    }

    private string PathOf(string id) => Path.Combine(authorityFolder, id + Suffix);
}
