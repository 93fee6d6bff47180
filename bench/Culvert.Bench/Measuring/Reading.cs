namespace Culvert.Bench.Measuring;

/// <summary>What one run gave on one side.</summary>
/// <param name="Values">One value per metric of the scenario, in its order.</param>
/// <param name="Work">Work done, in the unit that the cost is reported per.</param>
internal sealed record Reading(IReadOnlyList<double> Values, double Work);
