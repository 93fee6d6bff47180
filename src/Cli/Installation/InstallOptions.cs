using System.Text.Json;
using Culvert.Cli.Output;

namespace Culvert.Cli.Installation;

/// <summary>What of an installation is said by options; all else is as <c>deploy</c> has it. A value that is null was not said.</summary>
internal sealed record InstallOptions
{
    /// <summary>What the names of both images begin with, without the slash.</summary>
    public string? ImagePrefix { get; init; }

    /// <summary>Tag of both images; null for the version of this program. Not kept for an upgrade.</summary>
    public string? ImageTag { get; init; }

    /// <summary>Address of the controller's Service, for nodes that do not ask the cluster's DNS; of the cluster's range for Services.</summary>
    public string? ControllerAddress { get; init; }

    /// <summary>Where the nodes have the CNI's configuration and programs when it is not said.</summary>
    public const string UsualCniConfFolder = "/etc/cni/net.d", UsualCniBinFolder = "/opt/cni/bin";

    /// <summary>The nodes' folder with the CNI's configuration.</summary>
    public string? CniConfFolder { get; init; }

    /// <summary>The nodes' folder with the CNI's programs.</summary>
    public string? CniBinFolder { get; init; }

    /// <summary>The folders of the CNI that these mean, whether they were said or not.</summary>
    public (string Conf, string Bin) CniFolders => (CniConfFolder ?? UsualCniConfFolder, CniBinFolder ?? UsualCniBinFolder);

    /// <summary>As they are kept in the cluster; null when there is nothing to keep.</summary>
    public string? Kept()
    {
        var kept = this with { ImageTag = null };
        return kept == new InstallOptions() ? null : JsonSerializer.Serialize(kept, CliJson.Lines.InstallOptions);
    }

    /// <summary>Reads what <see cref="Kept"/> has written.</summary>
    /// <exception cref="JsonException">Somebody else has written it.</exception>
    public static InstallOptions Read(string? kept) => kept is null ? new() : JsonSerializer.Deserialize(kept, CliJson.Lines.InstallOptions) ?? new();

    /// <summary>These, and where they say nothing, those.</summary>
    public InstallOptions Over(InstallOptions others) => new()
    {
        ImagePrefix = ImagePrefix ?? others.ImagePrefix,
        ImageTag = ImageTag ?? others.ImageTag,
        ControllerAddress = ControllerAddress ?? others.ControllerAddress,
        CniConfFolder = CniConfFolder ?? others.CniConfFolder,
        CniBinFolder = CniBinFolder ?? others.CniBinFolder,
    };
}
