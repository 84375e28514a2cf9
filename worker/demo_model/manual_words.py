"""The sample manual's words: facts that a question can ask for, each said in one place."""

TITLE = "Aurora 3 water pump"
SUBTITLE = "owner's manual"

INTRODUCTION = [
    "Thank you for choosing the Aurora 3. This self-priming pump lifts water from wells up to "
    "8 metres deep and brings it to a house with as many as four taps. It starts when a tap is "
    "opened and stops by itself when the last one is closed.",
    "Read this manual before you install the pump, and keep it near the machine. Work on the "
    "electrical connection is for a qualified electrician only.",
    "The serial number is on the plate under the terminal box. Have it ready when you call.",
]
CONTENTS = [
    ("In this manual", "Page"),
    ("The pump and its parts", "2"),
    ("Installation", "3"),
    ("Electrical connection", "4"),
    ("Maintenance", "5"),
    ("Troubleshooting, performance and warranty", "6"),
]

OVERVIEW = [
    "The Aurora 3 has six parts that an owner may take off. The motor turns the impeller through "
    "a short shaft. The mechanical seal keeps the water of the pump chamber away from the motor, "
    "so a drip below the flange always means that the seal is worn.",
    "All parts slide along one axis. Take them off from the right to the left as they are drawn "
    "in Figure 1, and put them back in the opposite order with a new gasket.",
]
PARTS = [
    ("No.", "Part", "What it does"),
    ("1", "Motor", "Single phase, 800 W, 2,850 turns a minute, with a thermal cut-out."),
    ("2", "Flange", "Holds the motor to the chamber with four M8 bolts, 22 Nm."),
    ("3", "Mechanical seal", "Carbon on ceramic. Order number AU3-114."),
    ("4", "Impeller", "Seven swept blades of glass-filled nylon. Order number AU3-120."),
    ("5", "Gasket", "Rubber ring, 3 mm thick. Never use it twice."),
    ("6", "Pump chamber", "Stainless steel, with a filling plug on its top."),
]

INSTALLATION = [
    "Stand the pump on a firm and level base in a dry room where it does not freeze. Leave 20 cm "
    "of air around the motor. The suction pipe must rise steadily towards the pump; a single high "
    "point in it traps air and stops the flow.",
    "Mount the check valve with its arrow towards the pump, no further than one metre away from "
    "it. Without this valve the water runs back into the well after each use.",
    "Set the air in the pressure tank to 1.4 bar while the tank is empty. The pressure switch "
    "starts the pump at 1.6 bar and stops it at 3.2 bar.",
    "Before the first start, open the filling plug and pour in 2.5 litres of clean water. A pump "
    "that runs dry for more than 90 seconds damages its seal. Close the plug by hand, open one "
    "tap, and switch the pump on: water comes within three minutes.",
    "Change the filter's cartridge when the gauge behind it shows 0.5 bar less than the gauge "
    "before it. Sand in the well wears the impeller quickly, so never run without the cartridge.",
]

ELECTRICS = [
    "Connect the pump to 230 V and 50 Hz through a residual current device of 30 mA. The cable "
    "has three cores of 1.5 square millimetres; the green and yellow one is earth.",
    "The current flows through fuse F1 and the pressure switch S1 to the motor. Fuse F2 protects "
    "the control board alone, so a pump whose lamp is dark but whose motor hums has a blown F2.",
    "The capacitor C1 gives the motor its turning field at the start. It holds its charge for a "
    "minute after the plug was pulled: wait before you open the terminal box.",
]
FUSES = [
    ("Fuse", "Rating", "What it protects"),
    ("F1", "16 A", "Motor and cable. Slow, 6.3 x 32 mm."),
    ("F2", "5 A", "Control board. Quick, 5 x 20 mm."),
]

MAINTENANCE = [
    "Pull the plug before any work. Little is needed to keep the pump going for fifteen years, "
    "but what is needed is needed on time. The impeller is replaced every 18 months; one that "
    "looks like the right half of Figure 4 is replaced at once.",
    "In winter, drain a pump that stands in an unheated room: open the filling plug and the drain "
    "screw, and let it run empty. Ice breaks the chamber.",
]
SCHEDULE = [
    ("When", "What to do"),
    ("Every month", "Look for drips under the flange. Read both gauges."),
    ("Every 6 months", "Check the air in the pressure tank: 1.4 bar while it is empty."),
    ("Every 12 months", "Replace the filter cartridge, even a clean one."),
    ("Every 18 months", "Replace the impeller and the gasket."),
    ("Every 5 years", "Replace the mechanical seal and the capacitor."),
]

TROUBLE = [
    "Most faults have a simple cause. Work through the rows from the top, and call the service "
    "line only when none of them helps.",
]
FAULTS = [
    ("Fault", "Likely cause", "Remedy"),
    ("Pump does not start", "Fuse F1 blown, or no mains", "Replace F1 (16 A)."),
    ("Motor hums, no turn", "Impeller blocked", "Free it through the suction side."),
    ("Runs, but no water", "Air in the suction pipe", "Fill with 2.5 litres; check the joints."),
    ("Starts every minute", "Tank has lost its air", "Pump it up to 1.4 bar."),
    ("Red lamp blinks twice", "Motor hotter than 120 °C", "Let it cool for 30 minutes."),
]

PERFORMANCE = [
    "At full speed the pump reaches 43 metres of head and 57 litres a minute. The eco speed draws "
    "420 W and is enough for one tap.",
]
WARRANTY = [
    "The warranty lasts three years from the day of sale. It does not cover the impeller, the "
    "gasket or damage by frost. Service line: 0800 555 0143, weekdays from 8 to 17.",
]
