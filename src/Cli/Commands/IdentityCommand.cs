using System.CommandLine;
using Culvert.Cli.CommandLine;
using Culvert.Cli.Output;
using Culvert.Core;

namespace Culvert.Cli.Commands;

/// <summary><c>culvert identity</c></summary>
internal static class IdentityCommand
{
    public static Command Create() => new ExampleCommand(
        "identity",
        "Show, renew and verify the certificates of this node's identities.",
        new Example("culvert identity list", "which there are, and when they end"),
        new Example("culvert identity show spiffe://cluster.local/ns/shop/sa/web", "one in full"),
        new Example("culvert identity verify", "whether peers take them"))
    {
        IdentityListCommand.Create(),
        IdentityShowCommand.Create(),
        IdentityRotateCommand.Create(),
        IdentityVerifyCommand.Create(),
    };

    /// <summary>Whether a certificate is there and has not ended.</summary>
    internal static bool IsUsable(IdentityReport identity) => identity.State == IdentityReport.Valid;

    /// <summary>An argument that has to be a SPIFFE ID.</summary>
    /// <exception cref="CliException">It is none.</exception>
    internal static string Require(string text) =>
        SpiffeId.TryParse(text, out _, out var error) ? text : throw new CliException(ExitCode.BadInput, $"SPIFFE-ID: {error}", "for example spiffe://cluster.local/ns/shop/sa/web; `culvert identity list` has those of this node");
}
