using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads culvert.dev/v1alpha1 PeerAuthentication.</summary>
internal static class PeerAuthenticationReader
{
    public static PeerAuthenticationObject? Read(FieldReader root, ObjectMeta meta)
    {
        if (root.Map("spec", required: true) is not { } spec) return null;
        var selector = SelectorReader.Read(spec);
        MtlsMode? mode = MtlsReader.Read(spec, required: true);
        spec.Done();
        return new(meta, mode ?? MtlsMode.Strict) { Selector = selector };
    }
}
