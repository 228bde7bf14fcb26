namespace Mesh.Tests.Engine.Persistence.Chaos;

/// <summary>How large a run is, and which journal it runs on.</summary>
internal sealed record ChaosStage
{
    /// <summary>The path of the journal's configuration.</summary>
    public string JournalId { get; init; } = "chaos.journal";

    /// <summary>The journal's own settings, without its circuit breaker.</summary>
    public string Journal { get; init; } = $"class = \"{NameOf<ChaosJournal>()}\"";

    public int Entities { get; init; } = 6;

    /// <summary>How many commands each of an entity's two clients has.</summary>
    public int Commands { get; init; } = 30;

    public Config Configuration(ChaosWorld world) => $$"""
        akka {
          loglevel = OFF
          stdout-loglevel = OFF
          persistence {
            journal.plugin = chaos.gate
            snapshot-store.plugin = chaos.snapshots
          }
        }
        chaos {
          gate {
            class = "{{NameOf<ChaosGate>()}}"
            world = "{{world.Name}}"
            behind = "{{JournalId}}"
            recovery-event-timeout = 2s
          }
          snapshots {
            class = "{{NameOf<ChaosSnapshotStore>()}}"
            world = "{{world.Name}}"
            circuit-breaker { max-failures = 10, call-timeout = 1s, reset-timeout = 20ms }
          }
        }
        {{JournalId}} {
          {{Journal}}
          world = "{{world.Name}}"
          circuit-breaker { max-failures = 4, call-timeout = {{(int)world.Odds.CallTimeout.TotalMilliseconds}}ms, reset-timeout = 30ms }
        }
        """;

    private static string NameOf<T>() => $"{typeof(T).FullName}, {typeof(T).Assembly.GetName().Name}";
}
