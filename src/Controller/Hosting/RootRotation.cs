using Culvert.Controller.Files;
using Culvert.Controller.Identity.BuiltIn;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Hosting;

/// <summary>A command's wish to have the root replaced: a file beside the roots, which the controller of the folder takes away when it has been done.</summary>
internal sealed class RootRotation(string authorityFolder)
{
    /// <summary>The file's name.</summary>
    public const string FileName = "rotate.asked";

    private const string Now = "now";
    private readonly string _path = Path.Combine(authorityFolder, FileName);

    /// <summary>Whether it was asked for and not done yet.</summary>
    public bool IsAsked => File.Exists(_path);

    /// <summary>Asks for it.</summary>
    /// <param name="signNow">Whether the new root signs at once.</param>
    /// <param name="newest">The root that is the newest now, so that it is done once however often it is tried; null: not known.</param>
    /// <exception cref="IOException">It can't be written.</exception>
    public void Ask(bool signNow = false, RootName? newest = null) => PrivateFiles.Write(_path, $"{(signNow ? Now : "")}\n{newest}");

    /// <summary>Does what was asked for, if it was. What fails for the disk's sake is tried again with the next call.</summary>
    public async Task DoIfAskedAsync(BuiltInCertificateAuthority authority, ILogger logger, CancellationToken cancellationToken)
    {
        try
        {
            if (!IsAsked) return;
            try
            {
                string[] asked = PrivateFiles.Read(_path).Split('\n');
                await authority.RotateRootAsync(asked[0] == Now, asked.Length > 1 ? RootName.Parse(asked[1]) : null, cancellationToken);
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
