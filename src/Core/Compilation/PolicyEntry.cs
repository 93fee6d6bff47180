namespace Culvert.Core;

/// <summary>One fully evaluated verdict of the policy table; see <see cref="CompiledPolicy.Entries"/> for how they are looked up.</summary>
/// <param name="PolicySetId">The policy set: the destination's for what comes in, the source's for what goes out.</param>
/// <param name="ClassId">The class of the other end, 0 for the world, or <see cref="AnyClass"/>.</param>
/// <param name="Ports">The destination ports.</param>
/// <param name="Protocol">The transport protocol.</param>
/// <param name="Verdict">Allow or deny.</param>
/// <param name="Audit">Whether an AUDIT policy matches too.</param>
/// <param name="Reason">Why.</param>
/// <param name="RuleId">The deciding rule, or 0 for none; see <see cref="CompiledPolicy.Rules"/>.</param>
public readonly record struct PolicyEntry(
    uint PolicySetId,
    uint ClassId,
    PortPrefix Ports,
    TransportProtocol Protocol,
    Verdict Verdict,
    bool Audit,
    DecisionReason Reason,
    uint RuleId)
{
    /// <summary>Stands for every class that has no entry of its own.</summary>
    public const uint AnyClass = uint.MaxValue;
}
