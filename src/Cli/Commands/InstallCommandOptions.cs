using System.CommandLine;
using System.CommandLine.Parsing;
using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Culvert.Cli.CommandLine;
using Culvert.Cli.Installation;

namespace Culvert.Cli.Commands;

/// <summary>Options of <c>install</c> and <c>upgrade</c> that say what is installed.</summary>
internal static partial class InstallCommandOptions
{
    private static readonly Option<string?> ImagePrefix = new("--image-prefix")
    {
        Description = "What the names of the images begin with: PREFIX/culvert-agent and PREFIX/culvert-controller (localhost).",
        HelpName = "PREFIX",
        Validators = { result => Require(result, ImageName(), "the beginning of an image's name, such as registry.example.com/mesh") },
    };

    private static readonly Option<string?> ImageTag = new("--image-tag")
    {
        Description = "Tag of the images (this program's version).",
        HelpName = "TAG",
        Validators = { result => Require(result, Tag(), "a tag: up to 128 letters, digits, '.', '_' and '-'") },
    };

    private static readonly Option<string?> ControllerAddress = new("--controller-address")
    {
        Description = "Address of the controller's Service, which is free and of the cluster's range for Services, for nodes that do not ask the cluster's DNS.",
        HelpName = "ADDRESS",
    };

    private static readonly Option<string?> CniConfFolder = new("--cni-conf-dir")
    {
        Description = "The nodes' folder with the CNI's configuration (/etc/cni/net.d).",
        HelpName = "DIR",
        Validators = { RequireAbsolute },
    };

    private static readonly Option<string?> CniBinFolder = new("--cni-bin-dir")
    {
        Description = "The nodes' folder with the CNI's programs (/opt/cni/bin).",
        HelpName = "DIR",
        Validators = { RequireAbsolute },
    };

    static InstallCommandOptions() => ControllerAddress.Validators.Add(result =>
    {
        if (result.Tokens is [{ Value: var value }] && !IPAddress.TryParse(value, out _)) result.AddError($"{ControllerAddress.Name}: '{value}' is not an address");
    });

    /// <summary>Adds those that say which images are meant.</summary>
    public static void AddImageTo(Command command)
    {
        foreach (var option in new Option[] { ImagePrefix, ImageTag }) command.Options.Add(option);
    }

    /// <summary>Those that <see cref="AddImageTo"/> adds.</summary>
    public static InstallOptions ImageOf(ParseResult result) => new() { ImagePrefix = result.GetValue(ImagePrefix), ImageTag = result.GetValue(ImageTag) };

    public static void AddTo(Command command)
    {
        AddImageTo(command);
        foreach (var option in new Option[] { ControllerAddress, CniConfFolder, CniBinFolder }) command.Options.Add(option);
    }

    public static InstallOptions Of(ParseResult result) => ImageOf(result) with
    {
        ControllerAddress = result.GetValue(ControllerAddress),
        CniConfFolder = result.GetValue(CniConfFolder),
        CniBinFolder = result.GetValue(CniBinFolder),
    };

    /// <summary>Options as they would be given on the command line.</summary>
    public static string Text(InstallOptions options)
    {
        var said = new (Option Option, string? Value)[]
        {
            (ImagePrefix, options.ImagePrefix), (ImageTag, options.ImageTag), (ControllerAddress, options.ControllerAddress), (CniConfFolder, options.CniConfFolder), (CniBinFolder, options.CniBinFolder),
        };
        return string.Join(' ', said.Where(o => o.Value is not null).Select(o => $"{o.Option.Name} {o.Value}"));
    }

    /// <summary>Writes all objects of a plan: documents of YAML, or a list with <c>-o json</c>.</summary>
    public static int Print(ParseResult result, InstallPlan plan)
    {
        var output = result.InvocationConfiguration.Output;
        if (result.GetValue(GlobalOptions.Output) != GlobalOptions.Json)
        {
            foreach (var manifest in plan.All) manifest.Write(output);
            return (int)ExitCode.Ok;
        }

        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartObject();
            writer.WriteString("apiVersion", "v1");
            writer.WriteString("kind", "List");
            writer.WriteStartArray("items");
            foreach (var manifest in plan.All) writer.WriteRawValue(manifest.ToJson());
            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        output.WriteLine(System.Text.Encoding.UTF8.GetString(stream.ToArray()));
        return (int)ExitCode.Ok;
    }

    private static void RequireAbsolute(OptionResult result)
    {
        if (result.Tokens is [{ Value: var value }] && !value.StartsWith('/')) result.AddError($"{result.Option.Name}: '{value}' is not an absolute path");
    }

    private static void Require(OptionResult result, Regex form, string what)
    {
        if (result.Tokens is [{ Value: var value }] && !form.IsMatch(value)) result.AddError($"{result.Option.Name}: '{value}' is not {what}");
    }

    [GeneratedRegex("^[a-z0-9]+(?:(?:[._-]+|[:/])[a-z0-9]+)*$", RegexOptions.NonBacktracking)]
    private static partial Regex ImageName();

    [GeneratedRegex("^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$", RegexOptions.NonBacktracking)]
    private static partial Regex Tag();
}
