namespace Mesh.Tests.Engine.Persistence.Chaos;

/// <summary>Draws the commands that a client sends.</summary>
internal static class ChaosScript
{
    private static readonly ChaosShape[] All = Enum.GetValues<ChaosShape>();
    private static readonly ChaosShape[] OneBatch =
        [ChaosShape.One, ChaosShape.All, ChaosShape.OneAsync, ChaosShape.AllAsync, ChaosShape.Deferring, ChaosShape.Awaiting];
    private static readonly ChaosMishap[] Mishaps = [ChaosMishap.AfterCalls, ChaosMishap.BeforeApplying, ChaosMishap.AfterReply];
    private static readonly Directive[] Directives = [Directive.Restart, Directive.Resume, Directive.Stop];

    public static IReadOnlyList<ChaosCommand> Draw(long seed, string entity, string client, bool isCareful, int count, ChaosOdds odds)
    {
        var dice = ChaosDice.For(seed, $"script {client}");
        return [.. Enumerable.Range(1, count).Select(number => Draw(dice, entity, client, isCareful, number, odds))];
    }

    private static ChaosCommand Draw(ChaosDice dice, string entity, string client, bool isCareful, int number, ChaosOdds odds)
    {
        var command = new ChaosCommand(entity, client, number, dice.OneOf<ChaosShape>(isCareful ? OneBatch : All))
        {
            Size = 2 + dice.Below(3),
            IsCareful = isCareful,
            TakesBack = dice.Rolls(0.5),
            IsUnfit = dice.Rolls(odds.Unfit),
            Mishap = dice.Rolls(odds.Mishap) ? dice.OneOf<ChaosMishap>(Mishaps) : ChaosMishap.None,
            Directive = dice.OneOf<Directive>(Directives),
        };

        return command switch
        {
            // Rejected each time and never told so, the client would ask for ever.
            { IsCareful: true, IsUnfit: true } => command with { Mishap = ChaosMishap.None },

            // Resumed without an event that it has stored, an entity would not know the command when it comes again.
            { IsCareful: true, Mishap: ChaosMishap.BeforeApplying } => command with { Directive = Directive.Restart },
            _ => command,
        };
    }
}
