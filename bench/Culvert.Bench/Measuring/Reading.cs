namespace Culvert.Bench.Measuring;

/// <summary>What one run gave on one side.</summary>
/// <param name="Values">One value per metric of the scenario, in its order.</param>
/// <param name="Work">Work done, in the unit that the cost is reported per.</param>
/// <param name="BusySeconds">CPU the whole machine spent on that work, where the load program took it itself; null when all of the run counts.</param>
internal sealed record Reading(IReadOnlyList<double> Values, double Work, double? BusySeconds = null);
