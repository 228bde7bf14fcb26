namespace Mesh.Tests.Engine.Model;

/// <summary>Rules that the model can be told to break. Each must be noticed: that is what the model is worth.</summary>
enum Mutation
{
    None,

    /// <summary>A Terminated that is queued is delivered in spite of an Unwatch.</summary>
    UnwatchLeavesQueuedTerminated,

    /// <summary>A restart on the very end of the window opens a new one.</summary>
    WindowEndsEarly,

    /// <summary>The stash is lost at a restart.</summary>
    RestartLosesStash,

    /// <summary>The stash is lost at the end, without dead letters.</summary>
    StopLosesStash,

    /// <summary>A turn has room for one message more.</summary>
    TurnIsOneLonger,

    /// <summary>A restart keeps the behaviour.</summary>
    RestartKeepsBehaviour,

    /// <summary>A tick is delivered though its key was started again.</summary>
    ReplacedTimerTicks,

    /// <summary>Timers go on over a restart.</summary>
    TimersOutliveRestart,

    /// <summary>A budget grants one restart more.</summary>
    BudgetIsOneLarger,

    /// <summary>All for one spends the budget of the failing child only.</summary>
    SiblingsSpendNothing,

    /// <summary>Resuming an actor that escalated does not resume the child that failed.</summary>
    ResumeForgetsCulprit,

    /// <summary>A restart that fails leaves the child that caused it without an answer.</summary>
    FailedRestartForgetsCulprit,

    /// <summary>Children go on while their parent has failed.</summary>
    FailureSparesChildren,

    /// <summary>What is started while its parent has failed goes on.</summary>
    FailureSparesNewcomers,

    /// <summary>Quiet messages push the receive timeout back.</summary>
    QuietMessagesCount,

    /// <summary>Notices wait until the turn's messages are done.</summary>
    NoticesWaitForTurn,

    /// <summary>Children that survive a restart of their parent are only resumed.</summary>
    SurvivorsAreNotRestarted,

    /// <summary>Several messages are unstashed in reverse.</summary>
    UnstashReverses,

    /// <summary>Nobody answers a watch on the dead.</summary>
    DeadAnswerNoWatch,

    /// <summary>A name is free as soon as its owner is told to stop.</summary>
    NameIsFreeEarly,

    /// <summary>A second watch replaces the message of the first.</summary>
    SecondWatchCounts,

    /// <summary>A restart does not wait for the children that it stopped.</summary>
    RestartDoesNotWait,

    /// <summary>A spent budget escalates.</summary>
    SpentBudgetEscalates,

    /// <summary>The message that failed is tried again.</summary>
    RestartRetriesMessage,

    /// <summary>A pill stops the actor before the messages in front of it.</summary>
    PillOvertakes,

    /// <summary>Messages are handled while an asynchronous handler waits.</summary>
    WaitingActorsGoOn,
}
