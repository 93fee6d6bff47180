using Culvert.Controller.Files;
using Culvert.Controller.Identity.BuiltIn;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Hosting;

/// <summary>A command's wish to have the root replaced: a file beside the roots, which the controller of the folder takes away when it has been done.</summary>
internal sealed class RootRotation(string authorityFolder)
{
    /// <summary>The file's name.</summary>
    public const string FileName = "rotate.asked";

    private readonly string _path = Path.Combine(authorityFolder, FileName);

    /// <summary>Whether it was asked for and not done yet.</summary>
    public bool IsAsked => File.Exists(_path);

    /// <summary>Asks for it.</summary>
    /// <exception cref="IOException">It can't be written.</exception>
    public void Ask() => PrivateFiles.Write(_path, "");

    /// <summary>Does what was asked for, if it was. What fails for the disk's sake is tried again with the next call.</summary>
    public void DoIfAsked(BuiltInCertificateAuthority authority, ILogger logger)
    {
        try
        {
            if (!IsAsked) return;
            try
            {
                authority.RotateRoot();
            }
            catch (InvalidOperationException e)
            {
                HostingLog.NotRotated(logger, e.Message);
            }
            File.Delete(_path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            HostingLog.RotationFailed(logger, e.Message);
        }
    }
}
