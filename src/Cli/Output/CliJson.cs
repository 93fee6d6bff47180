using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Culvert.Cli.Checks;
using Culvert.Cli.Installation;

namespace Culvert.Cli.Output;

/// <summary>How the command line's records become JSON: camelCase, enums by name, nulls left out.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(ErrorReport))]
[JsonSerializable(typeof(VersionReport))]
[JsonSerializable(typeof(CheckReport))]
[JsonSerializable(typeof(StatusReport))]
[JsonSerializable(typeof(IdentityListReport))]
[JsonSerializable(typeof(IdentityShowReport))]
[JsonSerializable(typeof(IdentityRotateReport))]
[JsonSerializable(typeof(IdentityVerifyReport))]
[JsonSerializable(typeof(FlowReport))]
[JsonSerializable(typeof(TopReport))]
[JsonSerializable(typeof(ExplainReport))]
[JsonSerializable(typeof(DetachReport))]
[JsonSerializable(typeof(UpReport))]
[JsonSerializable(typeof(DemoReport))]
[JsonSerializable(typeof(InstallEvent))]
[JsonSerializable(typeof(InstallOptions))]
[JsonSerializable(typeof(DemoStepReport))]
internal sealed partial class CliJson : JsonSerializerContext
{
    /// <summary>One document per line.</summary>
    public static CliJson Lines => field ??= new(With(indented: false));

    /// <summary>Indented, for a command's only document.</summary>
    public static CliJson Document => field ??= new(With(indented: true));

    private static JsonSerializerOptions With(bool indented) => new(Default.GeneratedSerializerOptions!)
    {
        WriteIndented = indented,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };
}
