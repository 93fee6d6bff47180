namespace Culvert.Controller.Statuses;

/// <summary>How many declarations are not in force as they are; all others are. Those are not counted here, so that nodes need not be told anything when a good object comes or goes.</summary>
internal readonly record struct StatusSummary(int Rejected, int LastGoodKept, int InPart);
