namespace Culvert.NodeAgent.Proxy.Limits;

/// <summary>What a <see cref="SharedBudget"/> says to somebody who asks for a place.</summary>
internal enum BudgetResult
{
    /// <summary>The place is taken.</summary>
    Taken,

    /// <summary>No place is left.</summary>
    Full,

    /// <summary>The holder has its share; what is left is for others.</summary>
    OverShare,
}
