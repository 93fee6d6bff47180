using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads <c>mtls: {mode: STRICT}</c>.</summary>
internal static class MtlsReader
{
    public static MtlsMode? Read(FieldReader spec, bool required)
    {
        if (spec.Map("mtls", required) is not { } mtls) return null;
        MtlsMode? mode = mtls.Enum<MtlsMode>("mode", required: true);
        mtls.Done();
        return mode;
    }
}
